/**
 * Stochastic gradient training (lecture notes 2.2.1, algorithm 2.1): for each epoch the rows in a new order, for each batch of them one
 * run of the training plan. Steps are handed to the engine in chunks of some tens of milliseconds; between two chunks the rest of the
 * program gets its turn, progress is told, and the run may rest or end.
 */
import type { Storage } from '../backends/backend.js';
import type { Examples } from '../data/dataset.js';
import type { Profile } from '../plan/profile.js';
import { fitContext } from './callbacks/context.js';
import { CallbackList } from './callbacks/list.js';
import { evaluateRegistered, squaredNormOf, Totals } from './evaluate.js';
import { Feed } from './feed.js';
import type { Model } from './model.js';
import type { Network } from './network.js';
import type { FitSettings } from './options.js';
import { countUp, shuffledRows } from './order.js';
import type { Piece, Program } from './program.js';
import type { BatchRecord, EpochRecord, FitFigures, FitRecord, History } from './records.js';
import type { Registered } from './registered.js';
import type { RunControl } from './run.js';
import type { Scope } from './scope.js';
import { MOST_STEPS, type StepData, type StepResult, Steps } from './steps.js';

/** How long a chunk of steps should take. */
const CHUNK_MILLISECONDS = 60;
/** Progress is told at most every so many milliseconds. */
const PROGRESS_MILLISECONDS = 100;
/** Stream of the random numbers that order the rows ("shuf"). */
const SHUFFLE_STREAM = 0x73687566;

/** What is trained on, and what each epoch is measured with. */
export interface TrainingData {
  /** Rows in memory, or the batches of an epoch, which is given by the number of those before it. */
  readonly source: Registered | ((epoch: number) => AsyncGenerator<Examples>);
  /** Batches of a stream's epoch, where it tells. */
  readonly steps?: number | undefined;
  readonly validation: Registered | undefined;
}

export class Trainer {
  readonly #network: Network;
  readonly #settings: FitSettings;
  readonly #scope: Scope;
  readonly #control: RunControl<FitRecord, FitFigures>;
  readonly #data: TrainingData;
  readonly #steps: Steps;
  readonly #callbacks: CallbackList;
  readonly #records: EpochRecord[] = [];
  /** Why a callback ended the run. */
  #reason: string | undefined;
  #epoch = 0;
  /** Of the epoch under way: what it came to so far, and its steps where their number is known. */
  #totals = new Totals();
  #stepsOfEpoch: number | undefined;
  #toldAt = 0;

  constructor(
    network: Network,
    settings: FitSettings,
    scope: Scope,
    control: RunControl<FitRecord, FitFigures>,
    data: TrainingData,
    model: Model | undefined,
  ) {
    this.#network = network;
    this.#settings = settings;
    this.#scope = scope;
    this.#control = control;
    this.#data = data;
    this.#steps = new Steps(network, settings, scope);
    this.#callbacks = new CallbackList(
      settings,
      fitContext(model!, network, settings, data, this.#steps, (reason) => {
        this.#reason ??= reason;
      }),
    );
    this.#tell();
  }

  /** Compiles the plan of data in memory, before anything changes. Rejects where the loss does not fit the network. */
  async compile(): Promise<void> {
    const { source } = this.#data;
    if (typeof source !== 'function') await this.#compile(source);
  }

  #compile({ kinds, rows }: Registered): Promise<Program> {
    return this.#steps.compile(kinds, Math.min(this.#settings.batchSize, rows));
  }

  // ---- epochs ----

  async train(profile?: Profile): Promise<History> {
    this.#steps.profile = profile;
    const { source } = this.#data;
    const scope = this.#scope;
    const order =
      typeof source === 'function' ? undefined : scope.own(this.#network.backend.allocate('i32', source.rows, 'data'));
    await this.#callbacks.begin(undefined);
    for (this.#epoch = 1; this.#epoch <= this.#settings.epochs && !this.#ending; this.#epoch++) {
      const [began, rested] = [performance.now(), scope.rested];
      this.#totals = new Totals();
      const whole = await (typeof source === 'function'
        ? this.#streamEpoch(source(this.#network.epochs))
        : this.#memoryEpoch(source, order!));
      await this.#steps.finish();
      const seconds = (performance.now() - began - (scope.rested - rested)) / 1000;
      this.#network.epochs++;
      if (this.#totals.rows === 0 || (scope.ending && !scope.stopped)) break;
      const record = await this.#record(seconds, whole);
      this.#records.push(record);
      this.#tell();
      this.#control.push(record);
      await this.#callbacks.epochEnd(record);
    }
    if (!scope.stopped) scope.check();
    const reason = scope.stopped ? 'stopped' : (this.#reason ?? 'epochs');
    const history = { epochs: this.#records, reason, stopped: scope.stopped };
    if (!this.#network.disposed) await this.#callbacks.trainEnd(history);
    return history;
  }

  /** The run is to end, or a callback has ended it. */
  get #ending(): boolean {
    return this.#scope.ending || this.#reason !== undefined;
  }

  /** Resolves to whether it did all steps. */
  async #memoryEpoch(source: Registered, order: Storage): Promise<boolean> {
    const { batchSize, shuffle, seed, dropRemainder } = this.#settings;
    const batch = Math.min(batchSize, source.rows);
    const rows = dropRemainder ? source.rows - (source.rows % batch) : source.rows;
    const steps = Math.ceil(rows / batch);
    const program = await this.#compile(source);
    const { epochs } = this.#network;
    order.write(shuffle ? await shuffledRows(source.rows, seed, SHUFFLE_STREAM, epochs) : countUp(source.rows));
    const data = { ...source, storages: { ...source.storages, indices: order } };
    const totals = this.#totals;
    this.#stepsOfEpoch = steps;
    this.#tell();
    let chunk = 1;
    while (totals.steps < steps && !this.#ending) {
      await this.#scope.rest();
      const first = totals.steps * batch;
      const began = performance.now();
      const done = await this.#chunk(program, data, { batch, first, rows: Math.min(chunk * batch, rows - first) });
      const wanted = Math.round((CHUNK_MILLISECONDS * done) / Math.max(performance.now() - began, 0.01));
      chunk = this.#recording ? 1 : Math.max(1, Math.min(wanted, 4 * chunk, MOST_STEPS));
    }
    return totals.steps === steps;
  }

  /** One step a batch. Resolves to whether it came to the stream's end. */
  async #streamEpoch(stream: AsyncGenerator<Examples>): Promise<boolean> {
    const totals = this.#totals;
    this.#stepsOfEpoch = this.#data.steps;
    this.#tell();
    const feed = new Feed(this.#network, this.#scope, stream);
    try {
      for (;;) {
        const batch = this.#ending ? undefined : await feed.next();
        if (batch === undefined) break;
        try {
          const program = await this.#steps.compile(batch.kinds, batch.rows);
          const piece = { batch: batch.rows, rows: batch.rows };
          const before = totals.steps;
          while (totals.steps === before && !this.#scope.ending) {
            await this.#scope.rest();
            await this.#chunk(program, batch, piece);
          }
        } finally {
          batch.dispose();
        }
      }
    } finally {
      feed.close();
    }
    if (totals.steps === 0 && !this.#scope.ending)
      throw new RangeError(
        `fit: the stream gave no batch in epoch ${this.#epoch}${this.#epoch > 1 ? '; give a function, which is called once an epoch' : ''}`,
      );
    return !this.#ending;
  }

  // ---- steps ----

  /** Runs a piece of an epoch and tells about it. Resolves to the number of steps done. */
  async #chunk(program: Program, data: StepData, piece: Piece): Promise<number> {
    const records: BatchRecord[] = [];
    const losses: number[] = [];
    const recording = this.#recording;
    const note = (result: StepResult) => {
      losses.push(result.loss);
      if (recording) records.push(this.#batchRecord(result));
    };
    const heard = recording || this.#callbacks.wantsLosses;
    const done = await this.#steps.run(program, data, piece, this.#totals, heard ? note : undefined);
    this.#tell();
    if (losses.length > 0) await this.#callbacks.losses(losses);
    for (const record of records) {
      if (this.#settings.batchRecords) this.#control.push(record);
      await this.#callbacks.batchEnd(record);
    }
    this.#tellProgress();
    return done;
  }

  /** Someone wants to know about each step. */
  get #recording(): boolean {
    return this.#settings.batchRecords || this.#callbacks.wantsBatches;
  }

  #batchRecord({ step, loss, accuracy, learningRate }: StepResult): BatchRecord {
    return { kind: 'batch', epoch: this.#epoch, step, loss, ...(accuracy !== undefined && { accuracy }), learningRate };
  }

  #tell(): void {
    const { steps, loss } = this.#totals;
    this.#control.tell({
      epoch: this.#epoch,
      epochs: this.#settings.epochs,
      step: steps,
      steps: this.#stepsOfEpoch,
      loss: steps === 0 ? undefined : loss,
      learningRate: this.#steps.learningRate,
      record: this.#records.at(-1),
    });
  }

  #tellProgress(): void {
    const { onProgress, epochs } = this.#settings;
    const { steps: step, loss } = this.#totals;
    const steps = this.#stepsOfEpoch;
    const now = performance.now();
    if (onProgress === undefined || step === 0) return;
    if (now - this.#toldAt < PROGRESS_MILLISECONDS && step !== steps) return;
    this.#toldAt = now;
    onProgress({ epoch: this.#epoch, epochs, step, steps, loss });
  }

  /** The epoch's record, with the objective and the validation where they are wanted. */
  async #record(seconds: number, whole: boolean): Promise<EpochRecord> {
    const { loss, accuracy, batchSize, C } = this.#settings;
    const { signal, ending } = this.#scope;
    const { validation } = this.#data;
    const totals = this.#totals;
    const regulariser =
      C === Number.POSITIVE_INFINITY || ending ? undefined : (await squaredNormOf(this.#network)) / (2 * C);
    const how = { loss, accuracy, batchSize: Math.max(batchSize, 256) };
    const test =
      validation === undefined || !whole || this.#scope.ending
        ? undefined
        : await evaluateRegistered(this.#network, validation, how, { signal });
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
      learningRate: this.#steps.learningRate!,
      steps: totals.steps,
      ...((!whole || this.#scope.ending) && { partial: true }),
    };
  }
}
