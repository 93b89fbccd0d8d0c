/**
 * Steepest's side of the bench. A turn is one run of many steps of the very plans that fit and predict run: of the training step on the same
 * batch again and again (gathered from a registered data set, as fit does; the loss of each step is written, none is read back meanwhile), or
 * of the prediction of as many batches. Like its rivals it does one step untimed first.
 */
import type { Storage } from '../../lib/backends/backend.js';
import type { CompileRequest } from '../../lib/plan/compile.js';
import type { Program } from '../../lib/train/program.js';
import { LEARNING_RATE, MOMENTUM, parametersOf, type Subject, steepest } from './subject.js';

export interface Checked {
  /** Mean losses of the first training steps. */
  readonly losses: readonly number[];
  /** For the batch, with the first weights. */
  readonly outputs: ArrayLike<number>;
}

export interface Turn {
  /** Milliseconds a step. */
  readonly ms: number;
  /** Whether what the last step came to is a number. */
  readonly finite: boolean;
}

/** Bytes of inputs that a turn of predictions may have. */
const MOST_BYTES = 2 ** 28;
const MOST_STEPS = 4096;

type Storages = Record<string, Storage>;

export class SteepestPlayer {
  readonly #subject: Subject;
  readonly #request: CompileRequest;
  #training: Program | undefined;
  #prediction: Program | undefined;
  readonly #first: readonly Float32Array[];
  readonly #data: Storages;
  readonly #state: Storages;
  /** Storages of a turn, for as many steps as the longest yet. */
  #room: Storages = {};
  #steps = 0;

  constructor(subject: Subject) {
    const { network, batch, x, labels, loss: lossName } = subject;
    const { trainingRequest } = steepest.objective();
    this.#subject = subject;
    this.#first = parametersOf(network);
    const optimizer = steepest.momentum().momentum({ learningRate: LEARNING_RATE, momentum: MOMENTUM });
    const loss = steepest.losses().lossFrom(lossName);
    const values = lossName === 'squaredError';
    const kinds = { x: 'real', labels: !values, values, weights: false } as const;
    const C = Number.POSITIVE_INFINITY;
    this.#request = trainingRequest(network, { loss, accuracy: false, kinds, batch, optimizer, C });
    this.#state = { ...network.stateFor(optimizer).storages };
    this.#data = { x: this.#storage('real', x) };
    if (values) this.#data.targets = this.#storage('real', Float32Array.from(labels));
    else this.#data.labels = this.#storage('i32', labels);
  }

  /** Steps that a turn may have at most. */
  get mostSteps(): number {
    return Math.max(1, Math.min(MOST_STEPS, Math.floor(MOST_BYTES / this.#subject.x.byteLength)));
  }

  #storage(dtype: 'real' | 'i32', values: Float32Array | Int32Array): Storage {
    const storage = this.#subject.network.backend.allocate(dtype, values.length);
    storage.write(values);
    return storage;
  }

  /** The first weights, and an optimizer without a past. */
  #reset(): void {
    const { theta, layout } = this.#subject.network;
    for (const [i, values] of this.#first.entries()) theta.write(values, layout.offsets[i]!);
    for (const storage of Object.values(this.#state)) storage.write(new Float32Array(storage.length));
  }

  #makeRoom(steps: number): void {
    if (steps <= this.#steps) return;
    for (const storage of Object.values(this.#room)) storage.dispose();
    const { network, batch, mode, x } = this.#subject;
    const rows = steps * batch;
    this.#steps = steps;
    this.#room = {
      indices: this.#storage(
        'i32',
        Int32Array.from({ length: rows }, (_, i) => i % batch),
      ),
      loss: network.backend.allocate('real', steps),
      y: network.backend.allocate('real', (mode === 'infer' ? rows : batch) * network.outputs),
    };
    if (mode !== 'infer') return;
    this.#room.images = network.backend.allocate('real', steps * x.length);
    for (let i = 0; i < steps; i++) this.#room.images.write(x, i * x.length);
  }

  /** Compiled once all its convolutions are timed: as fit and predict find it in the end. */
  async #program(request: CompileRequest): Promise<Program> {
    const { network } = this.#subject;
    const { convolutions } = steepest.compile().prepare(request);
    while (await network.backend.tune?.(convolutions)) {}
    return new (steepest.program().Program)(network.backend, network.compile(request));
  }

  async #train(steps: number): Promise<number> {
    const { network, batch } = this.#subject;
    this.#training ??= await this.#program(this.#request);
    const storages = { ...this.#data, ...this.#state, indices: this.#room.indices, loss: this.#room.loss };
    const slot = (name: string) => (name === 'learningRate' ? LEARNING_RATE : name === 'rows' ? batch : 0);
    return network.start(this.#training, storages, { batch, rows: steps * batch }, slot).done;
  }

  async #predict(steps: number, x: Storage): Promise<number> {
    const { network, batch } = this.#subject;
    this.#prediction ??= await this.#program(steepest.objective().predictionRequest(network, 'real', batch));
    return network.start(this.#prediction, { x, y: this.#room.y }, { batch, rows: steps * batch }, () => 0).done;
  }

  /** From the first weights: outputs for the batch, then the losses of some training steps; then the first weights again. */
  async check(steps: number): Promise<Checked> {
    const { network, batch } = this.#subject;
    this.#makeRoom(steps);
    this.#reset();
    await this.#predict(1, this.#data.x!);
    const outputs = new Float32Array(batch * network.outputs);
    this.#room.y!.read(outputs);
    await this.#train(steps);
    const losses = new Float32Array(steps);
    this.#room.loss!.read(losses);
    this.#reset();
    return { losses: Array.from(losses), outputs };
  }

  /** One step untimed, then `steps` timed ones in one run. */
  async run(steps: number): Promise<Turn> {
    this.#makeRoom(steps);
    const { mode, network } = this.#subject;
    const go = (n: number) => (mode === 'train' ? this.#train(n) : this.#predict(n, this.#room.images!));
    await go(1);
    const began = performance.now();
    const done = await go(steps);
    const ms = (performance.now() - began) / steps;
    if (done !== steps) throw new Error(`steepest did ${done} steps of ${steps}`);
    const last = new Float32Array(1);
    if (mode === 'train') this.#room.loss!.read(last, steps - 1);
    else this.#room.y!.read(last, steps * this.#subject.batch * network.outputs - 1);
    return { ms, finite: Number.isFinite(last[0]) };
  }

  dispose(): void {
    this.#training?.dispose();
    this.#prediction?.dispose();
    for (const storage of [...Object.values(this.#room), ...Object.values(this.#data)]) storage.dispose();
    this.#subject.network.dispose();
  }
}
