/**
 * The inside of a model: its layers as graphs (one for training, one for inference, over the same parameter tensors), the memory of
 * its parameters, and the order in which runs may use that memory.
 */
import type { Backend, PlanRun, Storage } from '../backends/backend.js';
import { SteepestError } from '../errors.js';
import { checkSameShape, elements, input, isTrainable, parameter, type Tensor } from '../graph/tensor.js';
import { applyLayers, type BuiltLayer, buildLayers, type LayerGraph } from '../layers/graph.js';
import type { Optimizer } from '../optimizers/optimizer.js';
import { type Compiled, type CompileRequest, type ParameterLayout, parameterLayout } from '../plan/compile.js';
import {
  compileFor,
  compileTuned,
  type Piece,
  Program,
  type SlotValues,
  type Storages,
  type Tiles,
} from './program.js';
import { type Weights, writeWeights } from './weights.js';

/** What a convolution may choose. */
const TILES: readonly number[] = [0, 2, 4];

/** What an optimizer keeps from step to step. */
export interface OptimizerState {
  readonly optimizer: Optimizer;
  /** By region: the gradients and the state buffers, laid out as the parameters are. */
  readonly storages: Readonly<Record<string, Storage>>;
  /** Updates done with it. */
  updates: number;
  /** What its learning rates are multiplied by. */
  rateFactor: number;
}

/** The region of an optimizer's state buffer. */
export function stateRegion(name: string): string {
  return `state.${name}`;
}

export class Network {
  readonly built: readonly BuiltLayer[];
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly input: Tensor;
  readonly parameters: readonly Tensor[];
  /** Those that the optimizer changes. */
  readonly trained: readonly Tensor[];
  /** Values that the training graph gives to the others. */
  readonly assigned = new Map<Tensor, Tensor>();
  readonly layout: ParameterLayout;
  /** The parameters' values. */
  readonly theta: Storage;
  /** Updates and epochs since the model was made: random numbers of dropout and of shuffling go on from fit to fit. */
  updates = 0;
  epochs = 0;
  /** A run is under way. */
  running = false;
  optimizerState: OptimizerState | undefined;
  readonly #graphs = new Map<boolean, Tensor>();
  readonly #programs = new Map<string, { key: string; program: Program }>();
  readonly #tiles: Tiles = new Map();
  readonly #gone = new AbortController();
  readonly #owned = new Set<{ dispose(): void }>();
  readonly #runs = new Set<PlanRun>();
  readonly #halts = new Set<() => void>();
  #last: Promise<void> = Promise.resolve();
  #users = 0;
  #disposed = false;

  constructor(
    readonly name: string,
    readonly backend: Backend,
    readonly seed: number,
    graph: LayerGraph,
    /** All parameters by name. Default: what the initialisers make of the seed. */
    weights?: readonly Pick<Weights, 'name' | 'values'>[],
  ) {
    this.inputShape = graph.inputs.shape!;
    this.built = buildLayers(graph);
    this.outputShape = this.built[this.built.length - 1]!.outputShape;
    this.input = input('x', ['N', ...this.inputShape]);
    this.parameters = this.built.flatMap(({ label, parameters }) =>
      parameters.map((spec) => parameter(`${label}.${spec.name}`, spec.shape, spec.trainable)),
    );
    this.trained = this.parameters.filter(isTrainable);
    this.layout = parameterLayout(this.parameters);
    this.theta = this.own(backend.allocate('real', this.layout.length, 'weights'));
    if (weights === undefined) this.#initialize();
    else writeWeights(this, weights);
  }

  get outputs(): number {
    return this.outputShape.reduce((product, d) => product * d, 1);
  }

  get parameterCount(): number {
    return this.trained.reduce((sum, { shape }) => sum + elements(shape).fixed, 0);
  }

  /** The output tensor, [N, ...outputShape], of the training or the inference graph. */
  output(training: boolean): Tensor {
    let tensor = this.#graphs.get(training);
    if (tensor === undefined) {
      const assign = (p: Tensor, value: Tensor) => {
        checkSameShape(p.node.label, p, value);
        this.assigned.set(p, value);
      };
      const context = { training, seed: this.seed, ...(training && { assign }) };
      tensor = applyLayers(this.built, this.input, this.parameters, context);
      this.#graphs.set(training, tensor);
    }
    return tensor;
  }

  #initialize(): void {
    const Values = this.backend.precision === 'float64' ? Float64Array : Float32Array;
    for (const { parameters, first } of this.built)
      for (const [i, spec] of parameters.entries()) {
        const values = new Values(elements(spec.shape).fixed);
        spec.initializer.fill(values, spec, this.seed, first + i);
        this.theta.write(values, this.layout.offsets[first + i]!);
      }
  }

  // ---- programs ----

  /** The choices that plans were compiled with. */
  get tiles(): Tiles {
    return this.#tiles;
  }

  /** Takes the choices that a checkpoint was made with; plans with others are compiled anew. */
  async restoreTiles(tiles: Iterable<readonly [string, number]>): Promise<void> {
    const others = [...tiles].filter(([shape, tile]) => this.#tiles.get(shape) !== tile && TILES.includes(tile));
    if (others.length === 0) return;
    await this.exclusive(async () => {
      for (const [shape, tile] of others) this.#tiles.set(shape, tile);
      this.#dropPrograms();
    });
  }

  #dropPrograms(): void {
    for (const { program } of this.#programs.values()) program.dispose();
    this.#programs.clear();
  }

  /**
   * The program for `key` that takes batches of `batch` rows. There is one of each role: one with another key or a larger batch takes
   * its place. Only inside `exclusive`, or by the fit for its own role. `signal` ends the timing of its convolutions.
   * ERR_DISPOSED if the model is gone by then.
   */
  async program(
    role: string,
    key: string,
    batch: number,
    request: () => CompileRequest,
    signal: AbortSignal = this.#gone.signal,
  ): Promise<Program> {
    const kept = this.#programs.get(role);
    if (kept?.key === key && kept.program.plan.maxBatch >= batch) return kept.program;
    const compiled = await compileTuned(this.backend, request(), this.#tiles, signal);
    this.check();
    const program = new Program(this.backend, compiled);
    kept?.program.dispose();
    this.#programs.set(role, { key, program });
    return program;
  }

  /** Compiled at once, with the choices that there are. */
  compile(request: CompileRequest): Compiled {
    return compileFor(this.backend, request, this.#tiles);
  }

  /** Starts a piece of a program with the parameters bound. Only inside `exclusive`. */
  start(program: Program, storages: Storages, piece: Piece, slots: SlotValues): PlanRun {
    const run = program.run({ parameters: this.theta, ...storages }, piece, slots);
    this.#runs.add(run);
    const forget = () => this.#runs.delete(run);
    run.done.then(forget, forget);
    return run;
  }

  // ---- life ----

  /** Memory that lives as long as the model. */
  own<T extends { dispose(): void }>(resource: T): T {
    this.#owned.add(resource);
    return resource;
  }

  /** The optimizer's state, kept as long as it is the same optimizer; otherwise a new one, all 0. */
  stateFor(optimizer: Optimizer): OptimizerState {
    if (this.optimizerState?.optimizer === optimizer) return this.optimizerState;
    const storages: Record<string, Storage> = {};
    try {
      for (const name of ['gradients', ...optimizer.stateBuffers.map(stateRegion)])
        storages[name] = this.backend.allocate('real', this.layout.trained, 'weights');
    } catch (error) {
      for (const storage of Object.values(storages)) storage.dispose();
      throw error;
    }
    for (const storage of Object.values(storages)) this.own(storage);
    for (const storage of Object.values(this.optimizerState?.storages ?? {})) {
      this.#owned.delete(storage);
      storage.dispose();
    }
    this.optimizerState = { optimizer, storages, updates: 0, rateFactor: 1 };
    return this.optimizerState;
  }

  /** Calls `halt` when the model is disposed, until the returned function is called. */
  onDispose(halt: () => void): () => void {
    this.#halts.add(halt);
    return () => this.#halts.delete(halt);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  check(): void {
    if (this.#disposed) throw new SteepestError('ERR_DISPOSED', `${this.name}: the model was disposed`);
  }

  /** Something runs, or waits for its turn. */
  get busy(): boolean {
    return this.#users > 0;
  }

  /** Does `work` when nobody else uses the parameters, in the order of asking. ERR_DISPOSED if the model is gone by then. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    const before = this.#last;
    let release = () => {};
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    this.#users++;
    try {
      await before;
      this.check();
      return await work();
    } finally {
      this.#users--;
      if (this.#disposed && this.#users === 0) this.#free();
      release();
    }
  }

  /** Ends what runs and frees the memory: now, or as soon as the step in flight is over. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#gone.abort();
    for (const run of this.#runs) run.stop();
    for (const halt of this.#halts) halt();
    if (this.#users === 0) this.#free();
  }

  #free(): void {
    this.#dropPrograms();
    for (const resource of this.#owned) resource.dispose();
    this.#owned.clear();
  }
}
