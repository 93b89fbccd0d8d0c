/**
 * Stochastic gradient training (lecture notes 2.2.1, algorithm 2.1): for each epoch the rows in a new order, for each batch of them one
 * run of the training plan. Steps are handed to the engine in chunks of some tens of milliseconds; between two chunks the rest of the
 * program gets its turn, progress is told, and stop(), the signal and dispose() are heeded.
 */
import type { PlanRun, Storage } from '../backends/backend.js';
import type { Examples } from '../data/dataset.js';
import type { Profile } from '../plan/profile.js';
import { type Evaluation, evaluateRegistered, squaredNormOf, Totals } from './evaluate.js';
import type { Network, OptimizerState } from './network.js';
import { type Kinds, kindsOf, trainingRequest } from './objective.js';
import type { BatchRecord, EpochRecord, FitRecord, FitSettings, History } from './options.js';
import { countUp, shuffledRows } from './order.js';
import type { Piece, Program, Storages } from './program.js';
import { type Registered, readReals, register } from './registered.js';
import type { RunControl } from './run.js';

/** How long a chunk of steps should take, and how many it may have. */
const CHUNK_MILLISECONDS = 60;
const CHUNK_STEPS = 1024;
/** Progress is told at most every so many milliseconds. */
const PROGRESS_MILLISECONDS = 100;
/** Stream of the random numbers that order the rows ("shuf"). */
const SHUFFLE_STREAM = 0x73687566;

/** Rows in the engine's memory. */
export interface MemorySource {
  readonly rows: number;
  readonly registered: Registered;
  readonly kinds: Kinds;
}

/** What is trained on, and what each epoch is measured with. */
export interface TrainingData {
  readonly source: MemorySource | { readonly stream: () => AsyncGenerator<Examples> };
  readonly validation: MemorySource | undefined;
}

/** A batch of a stream, in the engine's memory. */
interface StreamBatch {
  readonly rows: number;
  readonly kinds: Kinds;
  readonly storages: Storages;
  dispose(): void;
}

/** What the steps of an epoch have in common. */
interface EpochPlan {
  readonly program: Program;
  readonly storages: Storages;
  readonly kinds: Kinds;
  /** Rows that the storages hold. */
  readonly rows: number;
  /** Steps in all, where that is known. */
  readonly steps: number | undefined;
}

export class Trainer {
  readonly #network: Network;
  readonly #settings: FitSettings;
  readonly #control: RunControl<FitRecord>;
  readonly #owned: { dispose(): void }[] = [];
  #state: OptimizerState | undefined;
  #losses!: Storage;
  #correct!: Storage;
  #gradientFactor: Storage | undefined;
  /** The run in flight. */
  #current: PlanRun | undefined;
  /** Ends what runs beside it: the timing of convolutions, an evaluation. */
  readonly #halt = new AbortController();
  /** Takes the times of kernels. */
  #profile: Profile | undefined;
  /** Ends the wait for a stream's next batch. */
  #wake: (() => void) | undefined;
  /** The signal came before any stop(). */
  #aborted = false;
  #epoch = 0;
  #learningRate = Number.NaN;
  #toldAt = 0;
  readonly #release: (() => void)[] = [];

  constructor(network: Network, settings: FitSettings, control: RunControl<FitRecord>) {
    this.#network = network;
    this.#settings = settings;
    this.#control = control;
    const halt = () => {
      this.#halt.abort();
      this.#current?.stop();
      this.#wake?.();
    };
    this.#release.push(control.onStop(halt), network.onDispose(halt));
    const { signal } = settings;
    if (signal === undefined) return;
    const abort = () => {
      if (!control.stopping) this.#aborted = true;
      halt();
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#release.push(() => signal.removeEventListener('abort', abort));
  }

  dispose(): void {
    for (const release of this.#release) release();
    for (const resource of this.#owned) resource.dispose();
  }

  /** To end before the work is done. */
  get #ending(): boolean {
    return this.#control.stopping || this.#aborted || this.#network.disposed;
  }

  /** Memory that lives as long as the fit. */
  own<T extends { dispose(): void }>(resource: T): T {
    this.#owned.push(resource);
    return resource;
  }

  // ---- epochs ----

  async train({ source, validation }: TrainingData, profile?: Profile): Promise<History> {
    const network = this.#network;
    this.#profile = profile;
    const epochs: EpochRecord[] = [];
    const order = 'rows' in source ? this.own(network.backend.allocate('i32', source.rows, 'data')) : undefined;
    for (this.#epoch = 1; this.#epoch <= this.#settings.epochs && !this.#ending; this.#epoch++) {
      const began = performance.now();
      const totals =
        'rows' in source ? await this.#memoryEpoch(source, order!) : await this.#streamEpoch(source.stream);
      const seconds = (performance.now() - began) / 1000;
      network.epochs++;
      if (totals.rows === 0 || (this.#ending && !this.#control.stopping)) break;
      const record = await this.#record(totals, seconds, validation);
      epochs.push(record);
      this.#control.push(record);
      await this.#settings.onEpochEnd?.(record);
    }
    if (!this.#control.stopping) {
      if (this.#aborted) throw this.#settings.signal!.reason;
      network.check();
    }
    return { epochs, stopped: this.#control.stopping };
  }

  /** The plan of steps on such data. Rejects where the loss does not fit the network. */
  compile({ kinds, rows }: Pick<MemorySource, 'kinds' | 'rows'>): Promise<Program> {
    return this.#program(kinds, Math.min(this.#settings.batchSize, rows));
  }

  /** Takes the optimizer's state on, and memory for what the steps tell. */
  #takeState(): void {
    const { backend } = this.#network;
    if (this.#state !== undefined) return;
    this.#network.check();
    this.#state = this.#network.stateFor(this.#settings.optimizer);
    this.#losses = this.own(backend.allocate('real', CHUNK_STEPS));
    this.#correct = this.own(backend.allocate('real', CHUNK_STEPS));
    if (this.#settings.clipNorm !== undefined) this.#gradientFactor = this.own(backend.allocate('real', 1));
  }

  #program(kinds: Kinds, batch: number): Promise<Program> {
    const { loss, optimizer, C, clipNorm, accuracy } = this.#settings;
    const key = JSON.stringify([
      loss.name,
      loss.options,
      accuracy,
      kinds,
      String(C),
      clipNorm,
      optimizer.kernel,
      optimizer.reals(),
    ]);
    this.#network.check();
    const request = () => trainingRequest(this.#network, { loss, accuracy, kinds, batch, optimizer, C, clipNorm });
    return this.#network.program('training', key, batch, request, this.#halt.signal);
  }

  async #memoryEpoch(source: MemorySource, order: Storage): Promise<Totals> {
    const { batchSize, shuffle, seed, dropRemainder } = this.#settings;
    const batch = Math.min(batchSize, source.rows);
    const rows = dropRemainder ? source.rows - (source.rows % batch) : source.rows;
    const steps = Math.ceil(rows / batch);
    const program = await this.compile(source);
    this.#takeState();
    const { epochs } = this.#network;
    order.write(shuffle ? await shuffledRows(source.rows, seed, SHUFFLE_STREAM, epochs) : countUp(source.rows));
    const storages = { ...source.registered.storages, indices: order };
    const epoch: EpochPlan = { program, storages, kinds: source.kinds, rows: source.rows, steps };
    const totals = new Totals();
    let chunk = 1;
    while (totals.steps < steps && !this.#ending) {
      const first = totals.steps * batch;
      const began = performance.now();
      const done = await this.#chunk(epoch, { batch, first, rows: Math.min(chunk * batch, rows - first) }, totals);
      if (done === 0) break;
      const wanted = Math.round((CHUNK_MILLISECONDS * done) / Math.max(performance.now() - began, 0.01));
      chunk = this.#recording ? 1 : Math.max(1, Math.min(wanted, 4 * chunk, CHUNK_STEPS));
    }
    return totals;
  }

  /** One step a batch; while it runs, the next batch is fetched and enters the engine's memory. */
  async #streamEpoch(stream: () => AsyncGenerator<Examples>): Promise<Totals> {
    const totals = new Totals();
    const iterator = stream();
    const fetch = async () => {
      const answer = await iterator.next();
      return answer.done || this.#ending ? undefined : this.#enter(answer.value);
    };
    let next = fetch();
    try {
      for (;;) {
        const batch = await this.#unlessEnding(next);
        if (batch === undefined || this.#ending) break;
        next = fetch();
        next.catch(() => {}); // seen when it is awaited
        await this.#streamStep(batch, totals);
      }
    } finally {
      // Not awaited: after stop() a source that never answers must not hold the run.
      iterator.return(undefined).catch(() => {});
      next.then(
        (batch) => batch?.dispose(),
        () => {},
      );
    }
    if (totals.steps === 0 && !this.#ending)
      throw new RangeError(
        `fit: the stream gave no batch in epoch ${this.#epoch}${this.#epoch > 1 ? '; give a function, which is called once an epoch' : ''}`,
      );
    return totals;
  }

  /** What `promise` resolves to, or undefined as soon as the run is to end. */
  #unlessEnding<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise<T | undefined>((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  }

  /** A stream's batch in the engine's memory. */
  async #enter(examples: Examples): Promise<StreamBatch> {
    const { backend } = this.#network;
    const { rows } = examples;
    const registered = await register(backend, examples);
    try {
      const indices = backend.allocate('i32', rows, 'data');
      indices.write(countUp(rows));
      const dispose = () => {
        registered.dispose();
        indices.dispose();
      };
      return { rows, kinds: kindsOf(examples), storages: { ...registered.storages, indices }, dispose };
    } catch (error) {
      registered.dispose();
      throw error;
    }
  }

  async #streamStep(batch: StreamBatch, totals: Totals): Promise<void> {
    const { rows, kinds, storages } = batch;
    try {
      const program = await this.#program(kinds, rows);
      this.#takeState();
      await this.#chunk({ program, storages, kinds, rows, steps: undefined }, { batch: rows, rows }, totals);
    } finally {
      batch.dispose();
    }
  }

  // ---- steps ----

  /** Runs a piece of an epoch, adds what it came to, tells about it. Resolves to the number of steps done. */
  async #chunk(epoch: EpochPlan, piece: Piece, totals: Totals): Promise<number> {
    const network = this.#network;
    const state = this.#state!;
    const schedule = this.#settings.optimizer.learningRate;
    const slot = (name: string, step: number): number => {
      if (name === 'learningRate') return schedule.at(state.updates + step);
      if (name === 't') return state.updates + step + 1;
      return name === 'step' ? (network.updates + step) % 2 ** 32 : epoch.rows;
    };
    const records: BatchRecord[] = [];
    const recording = this.#recording;
    const done = await network.exclusive(async () => {
      if (this.#ending) return 0;
      const storages = {
        ...epoch.storages,
        ...state.storages,
        loss: this.#losses,
        correct: this.#correct,
        gradientFactor: this.#gradientFactor,
      };
      const run = network.start(epoch.program, storages, { ...piece, events: this.#profile?.room }, slot);
      this.#current = run;
      const done = await run.done;
      this.#current = undefined;
      this.#profile?.add(epoch.program.plan, run.events(), done);
      if (network.disposed || done === 0) return 0;
      const losses = readReals(this.#losses, done, network.backend.precision);
      const counted = this.#settings.accuracy && epoch.kinds.labels;
      const correct = counted ? readReals(this.#correct, done, network.backend.precision) : undefined;
      for (let i = 0; i < done; i++) {
        const rows = Math.min(piece.batch, piece.rows - i * piece.batch);
        this.#learningRate = schedule.at(state.updates + i);
        totals.add(losses[i]!, correct?.[i], rows);
        if (recording) records.push(this.#batchRecord(totals.steps, losses[i]!, correct && correct[i]! / rows));
      }
      state.updates += done;
      network.updates += done;
      return done;
    });
    for (const record of records) {
      if (this.#settings.batchRecords) this.#control.push(record);
      await this.#settings.onBatchEnd?.(record);
    }
    this.#tell(totals, epoch.steps);
    return done;
  }

  /** Someone wants to know about each step. */
  get #recording(): boolean {
    return this.#settings.batchRecords || this.#settings.onBatchEnd !== undefined;
  }

  #batchRecord(step: number, loss: number, accuracy: number | undefined): BatchRecord {
    const learningRate = this.#learningRate;
    return { kind: 'batch', epoch: this.#epoch, step, loss, ...(accuracy !== undefined && { accuracy }), learningRate };
  }

  #tell(totals: Totals, steps: number | undefined): void {
    const { onProgress, epochs } = this.#settings;
    const now = performance.now();
    if (onProgress === undefined || totals.steps === 0) return;
    if (now - this.#toldAt < PROGRESS_MILLISECONDS && totals.steps !== steps) return;
    this.#toldAt = now;
    onProgress({ epoch: this.#epoch, epochs, step: totals.steps, steps, loss: totals.loss });
  }

  /** The epoch's record, with the objective and the validation where they are wanted. */
  async #record(totals: Totals, seconds: number, validation: MemorySource | undefined): Promise<EpochRecord> {
    const { loss, accuracy, batchSize, C } = this.#settings;
    const regulariser =
      C === Number.POSITIVE_INFINITY || this.#ending ? undefined : (await squaredNormOf(this.#network)) / (2 * C);
    let test: Evaluation | undefined;
    if (validation !== undefined && !this.#ending) {
      const settings = { loss, accuracy, batchSize: Math.max(batchSize, 256) };
      const { registered, kinds } = validation;
      test = await evaluateRegistered(this.#network, registered, kinds, settings, { signal: this.#halt.signal });
    }
    const trainAccuracy = totals.accuracy;
    return {
      kind: 'epoch',
      epoch: this.#epoch,
      trainLoss: totals.loss,
      ...(accuracy && trainAccuracy !== undefined && { trainAccuracy }),
      ...(regulariser !== undefined && { objective: totals.loss + regulariser }),
      ...(test && { testLoss: test.loss, ...(test.accuracy !== undefined && { testAccuracy: test.accuracy }) }),
      seconds,
      imagesPerSecond: totals.rows / seconds,
      learningRate: this.#learningRate,
      steps: totals.steps,
    };
  }
}
