/**
 * The objective of a network over whole data, f(theta) = theta'theta / (2C) + (1/l) sum_i loss_i, as solvers see it. The rows' part is computed
 * on the device, segment by segment; theta'theta, and all vectors of the solvers, are the host's, in float64.
 */
import { realArray, type Storage } from '../backends/backend.js';
import type { Loss } from '../losses/loss.js';
import type { CompileRequest } from '../plan/compile.js';
import type { CurvedProblem, Vector } from '../solvers/problem.js';
import { dot, sum } from '../solvers/vectors.js';
import { gradientRequest, productRequest } from './derivatives.js';
import { evaluateRegistered } from './evaluate.js';
import type { Network } from './network.js';
import { countUp } from './order.js';
import { stepsDone } from './program.js';
import { type Registered, readReals } from './registered.js';
import type { Scope } from './scope.js';

export interface WholeSettings {
  readonly loss: Loss;
  readonly C: number;
  /** Whether plans that evaluate count right answers too: one plan then does for all. */
  readonly accuracy: boolean;
  /** Rows of a segment. */
  readonly batchSize: number;
  /** Rows that the Gauss-Newton matrix of an iteration is made from. */
  readonly sample: (iteration: number) => Promise<Int32Array>;
  /** Called after each pass over the data or the sample. */
  readonly onPass: () => void;
}

/** What ends a solver from inside where the run is to end. */
export class Halted extends Error {}

export class WholeObjective implements CurvedProblem {
  readonly #network: Network;
  readonly #source: Registered;
  readonly #settings: WholeSettings;
  readonly #scope: Scope;
  readonly #owned: Storage[] = [];
  /** 0, 1, ..., rows - 1, and an iteration's sample. */
  readonly #all: Storage;
  readonly #sample: Storage;
  /** As the trained parameters lie: of a segment, of all segments, and what a matrix is multiplied by. */
  readonly #part: Storage;
  readonly #total: Storage;
  readonly #direction: Storage;
  readonly #loss: Storage;
  readonly #zeros: Float32Array | Float64Array;
  /** The vector that the device has, and the one that it has while the run rests. */
  #placed: Vector | undefined;
  #kept: Vector | undefined;

  /** `scope` ends the pass under way; that and later ones then throw Halted. The run may rest between two passes. */
  constructor(network: Network, source: Registered, settings: WholeSettings, scope: Scope) {
    this.#network = network;
    this.#source = source;
    this.#settings = settings;
    this.#scope = scope;
    const { backend, layout } = network;
    const allocate = (dtype: 'real' | 'i32', length: number) => {
      const storage = backend.allocate(dtype, length, dtype === 'i32' ? 'data' : 'weights');
      this.#owned.push(storage);
      return storage;
    };
    try {
      this.#all = allocate('i32', source.rows);
      this.#sample = allocate('i32', source.rows);
      this.#part = allocate('real', layout.trained);
      this.#total = allocate('real', layout.trained);
      this.#direction = allocate('real', layout.trained);
      this.#loss = allocate('real', Math.ceil(source.rows / settings.batchSize));
      this.#zeros = realArray(backend.precision, layout.trained);
      this.#all.write(countUp(source.rows));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  dispose(): void {
    for (const storage of this.#owned) storage.dispose();
  }

  /** The parameters that are trained, as the device has them. */
  start(): Vector {
    const theta = new Float64Array(this.#network.layout.trained);
    this.#network.theta.read(theta);
    this.#placed = theta;
    return theta;
  }

  /** Brings theta to the device, where it also stands while the run rests. */
  async keep(theta: Vector): Promise<void> {
    this.#kept = theta;
    await this.#place(theta);
  }

  async #place(theta: Vector): Promise<void> {
    if (this.#placed === theta) return;
    await this.#network.exclusive(async () => this.#network.theta.write(theta));
    this.#placed = theta;
  }

  async value(theta: Vector): Promise<number> {
    const { loss, accuracy, batchSize } = this.#settings;
    await this.#begin(theta);
    const settings = { loss, accuracy, batchSize, strict: true };
    const found = await evaluateRegistered(this.#network, this.#source, settings, { signal: this.#scope.signal });
    if (found === undefined) throw new Halted();
    this.#settings.onPass();
    return found.loss + this.#regulariser(theta);
  }

  async gradient(theta: Vector): Promise<{ value: number; gradient: Vector }> {
    const { loss } = this.#settings;
    const { rows, kinds } = this.#source;
    await this.#begin(theta);
    const request = (batch: number) => gradientRequest(this.#network, { loss, accuracy: false, kinds, batch });
    const { total, losses } = await this.#pass('gradient', request, this.#all, rows);
    return { value: losses + this.#regulariser(theta), gradient: sum(total, 1 / this.#settings.C, theta) };
  }

  /** v / C + (1 / |S|) sum over the sample of J'B J v. */
  async curvature(theta: Vector, iteration: number): Promise<(vector: Vector) => Promise<Vector>> {
    const { loss, C, sample } = this.#settings;
    const { kinds } = this.#source;
    await this.#begin(theta);
    const rows = await sample(iteration);
    this.#sample.write(rows);
    const request = (batch: number) => productRequest(this.#network, { loss, kinds, batch });
    return async (vector) => {
      await this.#begin(theta);
      this.#direction.write(vector);
      const { total } = await this.#pass('product', request, this.#sample, rows.length);
      return sum(total, 1 / C, vector);
    };
  }

  #regulariser(theta: Vector): number {
    return dot(theta, theta) / (2 * this.#settings.C);
  }

  /** Before a pass at theta. */
  async #begin(theta: Vector): Promise<void> {
    await this.#scope.rest(async () => this.#kept && (await this.#place(this.#kept)));
    this.#check();
    await this.#place(theta);
  }

  #check(): void {
    if (this.#scope.ending) throw new Halted();
  }

  /** Runs a plan over `rows` of the indices; what the segments found, added up, and the mean loss where the plan tells it. */
  async #pass(role: string, request: (batch: number) => CompileRequest, indices: Storage, rows: number) {
    const network = this.#network;
    const { loss, batchSize } = this.#settings;
    const { storages: data, kinds } = this.#source;
    const batch = Math.min(batchSize, rows);
    const steps = Math.ceil(rows / batch);
    const share = (step: number) => Math.min(batch, rows - step * batch) / rows;
    return network.exclusive(async () => {
      const key = JSON.stringify([loss.name, loss.options, kinds]);
      const program = await network.program(role, key, batch, () => request(batch), this.#scope.signal);
      this.#check();
      this.#total.write(this.#zeros);
      const storages = { indices, part: this.#part, total: this.#total, direction: this.#direction, loss: this.#loss };
      const run = network.start(program, { ...data, ...storages }, { batch, rows }, (name, step) =>
        name === 'minusWeight' ? -share(step) : this.#source.rows,
      );
      const done = await stepsDone(run, this.#scope.signal);
      network.check();
      if (done < steps) throw new Halted();
      const total = new Float64Array(network.layout.trained);
      this.#total.read(total);
      let losses = 0;
      for (const [step, mean] of readReals(this.#loss, steps, network.backend.precision).entries())
        losses += mean * share(step);
      this.#settings.onPass();
      return { total, losses };
    });
  }
}
