/**
 * Stochastic gradient training (lecture notes 2.2.1, algorithm 2.1): for each epoch the rows in a new order, for each batch of them one
 * run of the training plan. Steps are handed to the engine in chunks of some tens of milliseconds; between two chunks the rest of the
 * program gets its turn, progress is told, and the run may rest, be kept in a checkpoint, or end.
 */
import type { Storage } from '../backends/backend.js';
import type { Examples } from '../data/dataset.js';
import type { Profile } from '../plan/profile.js';
import { fitContext } from './callbacks/context.js';
import { CallbackList } from './callbacks/list.js';
import type { Found } from './checkpoint/folder.js';
import { Keeper } from './checkpoint/keeper.js';
import { settingOf } from './checkpoint/setting.js';
import { publish } from './diagnostics.js';
import { epochRecord } from './epoch-record.js';
import type { Totals } from './evaluate.js';
import type { KeptControl } from './kept-run.js';
import type { Model } from './model.js';
import type { Network } from './network.js';
import type { FitSettings } from './options.js';
import { type Around, compileFor, memoryPass, stepsIn, streamPass } from './pass.js';
import { Position } from './position.js';
import type { Piece, Program } from './program.js';
import type { BatchRecord, FitFigures, FitRecord, History } from './records.js';
import type { Registered } from './registered.js';
import type { Scope } from './scope.js';
import { MOST_STEPS, type StepData, type StepResult, Steps } from './steps.js';

/** Progress is told at most every so many milliseconds. */
const PROGRESS_MILLISECONDS = 100;

/** What is trained on, and what each epoch is measured with. */
export interface TrainingData {
  /** Rows in memory, or the batches of an epoch, which is given by the number of those before it. */
  readonly source: Registered | ((epoch: number) => AsyncGenerator<Examples>);
  /** Batches of a stream's epoch, where it tells. */
  readonly steps?: number | undefined;
  readonly validation: Registered | undefined;
}

export class Trainer implements Around {
  readonly network: Network;
  readonly settings: FitSettings;
  readonly scope: Scope;
  readonly steps: Steps;
  readonly #control: KeptControl<FitRecord, FitFigures>;
  readonly #data: TrainingData;
  readonly #position: Position;
  readonly #callbacks: CallbackList;
  readonly #keeper: Keeper;
  readonly #model: Model | undefined;
  /** The numbers of the rows, in the epoch's order. */
  #order: Storage | undefined;
  #toldAt = 0;

  constructor(
    network: Network,
    settings: FitSettings,
    scope: Scope,
    control: KeptControl<FitRecord, FitFigures>,
    data: TrainingData,
    model: Model | undefined,
  ) {
    this.network = network;
    this.settings = settings;
    this.scope = scope;
    this.#control = control;
    this.#data = data;
    const steps = new Steps(network, settings, scope);
    const position = new Position(scope);
    const end = (reason: string) => {
      position.reason ??= reason;
    };
    const callbacks = new CallbackList(settings, fitContext(model!, network, settings, data, steps, end));
    const setting = () => settingOf(model, network, settings, data);
    this.#keeper = new Keeper({ network, settings, setting, position, steps, callbacks }, (path, milliseconds) =>
      publish('checkpoint', model, { path, milliseconds }),
    );
    this.#model = model;
    this.steps = steps;
    this.#position = position;
    this.#callbacks = callbacks;
  }

  /** Before anything changes: the checkpoint to resume is found to fit, the plan of data in memory is compiled. */
  async prepare(found: Found | undefined): Promise<void> {
    await this.#keeper.prepare(found);
    const { source } = this.#data;
    if (typeof source !== 'function') await compileFor(this, source);
  }

  // ---- the fit ----

  async train(profile?: Profile): Promise<History> {
    const { scope } = this;
    const { checkpoints } = this.#keeper;
    this.steps.profile = profile;
    try {
      await this.#begin();
      while (this.#position.epoch <= this.settings.epochs && !this.ending) await this.#epoch();
      if (!scope.stopped) scope.check();
      if (!this.network.disposed) await checkpoints.end(scope.stopped);
    } finally {
      await checkpoints.close();
    }
    const reason = scope.stopped ? scope.stopReason : (this.#position.reason ?? 'epochs');
    const history = { epochs: this.#position.records, reason, stopped: scope.stopped };
    if (!this.network.disposed) await this.#callbacks.trainEnd(history);
    return history;
  }

  async #begin(): Promise<void> {
    const { source } = this.#data;
    if (typeof source !== 'function')
      this.#order = this.scope.own(this.network.backend.allocate('i32', source.rows, 'data'));
    this.#position.epoch = 1;
    const states = await this.#keeper.restore();
    const { checkpoints } = this.#keeper;
    this.#control.onCheckpoint((file) => checkpoints.request(file));
    await checkpoints.during(() => this.#callbacks.begin(states));
    checkpoints.begin();
  }

  async #epoch(): Promise<void> {
    const { network, settings, scope } = this;
    const position = this.#position;
    position.takeUp();
    this.#tell();
    let whole: boolean;
    try {
      whole = await this.#pass();
      this.#keeper.hold();
    } finally {
      network.epochs++;
    }
    if (this.totals.rows === 0 || (scope.ending && !scope.stopped)) return;
    const { epoch, seconds } = position;
    const end = { epoch, seconds, totals: this.totals, learningRate: this.steps.learningRate!, whole };
    const record = await epochRecord(network, settings, scope, this.#data.validation, end);
    position.records.push(record);
    this.#tell();
    this.#control.push(record);
    publish('epoch', this.#model, { record });
    const { checkpoints } = this.#keeper;
    await checkpoints.during(() => this.#callbacks.epochEnd(record));
    if (record.partial) return;
    position.next();
    this.#keeper.release();
    await checkpoints.epochEnded();
  }

  /** Resolves to whether all steps were done. */
  async #pass(): Promise<boolean> {
    const { source } = this.#data;
    const stream = typeof source === 'function';
    const whole = await (stream
      ? streamPass(this, source(this.network.epochs))
      : memoryPass(this, source, this.#order!));
    if (whole) await this.steps.finish();
    if (!whole || this.totals.steps > 0) return whole;
    const { epoch } = this.#position;
    const hint = epoch > 1 ? '; give a function, which is called once an epoch' : '';
    throw new RangeError(`fit: the stream gave no batch in epoch ${epoch}${hint}`);
  }

  // ---- what is around a pass ----

  get totals(): Totals {
    return this.#position.totals;
  }

  get ending(): boolean {
    return this.scope.ending || this.#position.reason !== undefined;
  }

  get most(): number {
    return this.#recording ? 1 : Math.min(MOST_STEPS, this.#keeper.checkpoints.stepsLeft);
  }

  async between(): Promise<void> {
    const { checkpoints } = this.#keeper;
    await checkpoints.between();
    await checkpoints.during(() => this.scope.rest());
  }

  async chunk(program: Program, data: StepData, piece: Piece): Promise<number> {
    const records: BatchRecord[] = [];
    const losses: number[] = [];
    const recording = this.#recording;
    const note = (result: StepResult) => {
      losses.push(result.loss);
      if (recording) records.push(this.#batchRecord(result));
    };
    const heard = recording || this.#callbacks.wantsLosses;
    const done = await this.steps.run(program, data, piece, this.totals, heard ? note : undefined);
    this.#position.steps += done;
    this.#tell();
    if (heard) await this.#keeper.checkpoints.during(() => this.#hear(losses, records));
    this.#tellProgress();
    return done;
  }

  async #hear(losses: readonly number[], records: readonly BatchRecord[]): Promise<void> {
    if (losses.length > 0) await this.#callbacks.losses(losses);
    for (const record of records) {
      if (this.settings.batchRecords) this.#control.push(record);
      await this.#callbacks.batchEnd(record);
    }
  }

  /** Someone wants to know about each step. */
  get #recording(): boolean {
    return this.settings.batchRecords || this.#callbacks.wantsBatches;
  }

  #batchRecord({ step, loss, accuracy, learningRate }: StepResult): BatchRecord {
    const { epoch } = this.#position;
    return { kind: 'batch', epoch, step, loss, ...(accuracy !== undefined && { accuracy }), learningRate };
  }

  // ---- what is told ----

  /** Steps of an epoch, where they are known. */
  get #stepsOfEpoch(): number | undefined {
    const { source, steps } = this.#data;
    return typeof source === 'function' ? steps : stepsIn(this.settings, source).steps;
  }

  #tell(): void {
    this.#control.tell(this.#position.figures(this.settings.epochs, this.#stepsOfEpoch, this.steps.learningRate));
  }

  #tellProgress(): void {
    const { onProgress, epochs } = this.settings;
    const { steps: step, loss } = this.totals;
    const steps = this.#stepsOfEpoch;
    const now = performance.now();
    if (onProgress === undefined || step === 0) return;
    if (now - this.#toldAt < PROGRESS_MILLISECONDS && step !== steps) return;
    this.#toldAt = now;
    onProgress({ epoch: this.#position.epoch, epochs, step, steps, loss });
  }
}
