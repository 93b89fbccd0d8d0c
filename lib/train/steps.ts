/** Training steps on the engine: some at a time, by the plan for their data, with what they came to. */
import type { PlanRun, Storage, StorageUse } from '../backends/backend.js';
import type { Profile } from '../plan/profile.js';
import { GATHERED, OPTIMIZER } from './checkpoint/state.js';
import type { Kept } from './checkpoint/tensors.js';
import type { Totals } from './evaluate.js';
import { type Network, type OptimizerState, stateRegion } from './network.js';
import { trainingRequest } from './objective.js';
import type { FitSettings } from './options.js';
import type { Piece, Program, SlotValues, Storages } from './program.js';
import { type Kinds, readReals } from './registered.js';
import type { Scope } from './scope.js';
import { updateRequest } from './updates.js';

/** Steps that may run together. */
export const MOST_STEPS = 1024;

/** Rows in the engine's memory, and their number. */
export interface StepData {
  readonly storages: Storages;
  readonly kinds: Kinds;
  readonly rows: number;
}

/** What a step came to. */
export interface StepResult {
  /** Its number within the epoch, from 1. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number | undefined;
  readonly learningRate: number;
}

/** Steps as JSON, without what the engine's memory has of them. */
export interface StepsState {
  readonly updates: number;
  readonly rateFactor: number;
  readonly learningRate: number | null;
  /** What is added up for an update that is not complete. */
  readonly gathered: { readonly steps: number; readonly rows: number };
}

export class Steps {
  readonly #network: Network;
  readonly #settings: FitSettings;
  readonly #scope: Scope;
  /** Takes the times of kernels. */
  profile: Profile | undefined;
  #state: OptimizerState | undefined;
  /** By region: what a run of steps has beside data, parameters and the optimizer's state. */
  readonly #own: Record<string, Storage> = {};
  /** What total is made from so far, where an update takes several batches. */
  #gathered = { steps: 0, rows: 0 };
  #learningRate: number | undefined;

  constructor(network: Network, settings: FitSettings, scope: Scope) {
    this.#network = network;
    this.#settings = settings;
    this.#scope = scope;
  }

  // ---- what checkpoints keep ----

  state(): StepsState {
    const kept = this.#network.optimizerState;
    const mine = kept?.optimizer === this.#settings.optimizer ? kept : { updates: 0, rateFactor: 1 };
    const { updates, rateFactor } = mine;
    return { updates, rateFactor, learningRate: this.#learningRate ?? null, gathered: { ...this.#gathered } };
  }

  restore({ updates, rateFactor, learningRate, gathered }: StepsState): void {
    Object.assign(this.#takeState(), { updates, rateFactor });
    this.#learningRate = learningRate ?? undefined;
    this.#gathered = { ...gathered };
  }

  /** What stands before the names of trained parameters; with `gathered` also where an update is not complete. */
  prefixes(gathered: boolean): string[] {
    const { stateBuffers } = this.#settings.optimizer;
    return [...stateBuffers.map((name) => `${OPTIMIZER}${name}/`), ...(gathered ? [GATHERED] : [])];
  }

  /** The memory of all that, and of the parameters. */
  kept(gathered: boolean): Kept[] {
    const { theta, parameters, trained } = this.#network;
    const { storages } = this.#takeState();
    const { stateBuffers } = this.#settings.optimizer;
    const regions = [...stateBuffers.map((name) => storages[stateRegion(name)]!), this.#own.total!];
    const ofTrained = this.prefixes(gathered).map((prefix, i) => ({
      prefix,
      storage: regions[i]!,
      parameters: trained,
    }));
    return [{ prefix: '', storage: theta, parameters }, ...ofTrained];
  }

  /** Of the last update. */
  get learningRate(): number | undefined {
    return this.#learningRate;
  }

  /** The plan of steps on such data, by up to `batch` rows. Rejects where the loss does not fit the network. */
  compile(kinds: Kinds, batch: number): Promise<Program> {
    const { loss, optimizer, C, clipNorm, accuracy } = this.#settings;
    const accumulate = this.#settings.accumulate > 1;
    const key = JSON.stringify([loss.name, loss.options, accuracy, kinds, accumulate || this.#updateKey()]);
    this.#network.check();
    const request = () =>
      trainingRequest(this.#network, { loss, accuracy, kinds, batch, optimizer, C, clipNorm, accumulate });
    return this.#network.program('training', key, batch, request, this.#scope.signal);
  }

  #updateKey(): unknown[] {
    const { optimizer, C, clipNorm } = this.#settings;
    return [String(C), clipNorm, optimizer.kernel, optimizer.reals()];
  }

  /** The optimizer's state, and memory for what the steps tell: once a plan is there, so that what does not fit changes nothing. */
  #takeState(): OptimizerState {
    if (this.#state !== undefined) return this.#state;
    const { backend, layout } = this.#network;
    const { clipNorm, accumulate, optimizer } = this.#settings;
    this.#network.check();
    const own = (name: string, length: number, use: StorageUse = 'other') => {
      this.#own[name] = this.#scope.own(backend.allocate('real', length, use));
    };
    own('loss', MOST_STEPS);
    own('correct', MOST_STEPS);
    if (clipNorm !== undefined) own('gradientFactor', 1);
    if (accumulate > 1) {
      own('total', layout.trained, 'weights');
      own('zero', 1);
    }
    this.#state = this.#network.stateFor(optimizer);
    return this.#state;
  }

  /** Runs a piece of the data, or the first part of it, and adds what it came to; resolves to the steps done, which `each` is told one by one. */
  async run(
    program: Program,
    data: StepData,
    piece: Piece,
    totals: Totals,
    each?: (result: StepResult) => void,
  ): Promise<number> {
    const state = this.#takeState();
    const { accumulate } = this.#settings;
    const most = accumulate > 1 ? accumulate - this.#gathered.steps : Number.POSITIVE_INFINITY;
    const rows = Math.min(piece.rows, most * piece.batch);
    return this.#network.exclusive(async () => {
      if (this.#scope.ending) return 0;
      const done = await this.#start(program, data, { ...piece, rows }, state);
      if (this.#network.disposed || done === 0) return 0;
      this.#read(done, piece.batch, rows, data, totals, each);
      this.#network.updates += done;
      if (accumulate === 1) state.updates += done;
      else {
        this.#gathered.steps += done;
        this.#gathered.rows += Math.min(done * piece.batch, rows);
        if (this.#gathered.steps === accumulate) await this.#update(state);
      }
      return done;
    });
  }

  async #start(program: Program, data: StepData, piece: Piece, state: OptimizerState): Promise<number> {
    const network = this.#network;
    const updates = (step: number) => (this.#settings.accumulate > 1 ? state.updates : state.updates + step);
    const run = this.#run(program, data.storages, piece, (name, step) => {
      if (name === 'learningRate') return this.#rate(updates(step));
      if (name === 't') return updates(step) + 1;
      if (name === 'minusWeight') return -rowsOf(step, piece);
      return name === 'step' ? (network.updates + step) % 2 ** 32 : data.rows;
    });
    const done = await this.#scope.stepsOf(run);
    this.profile?.add(program.plan, run.events(), done);
    return done;
  }

  #run(program: Program, data: Storages, piece: Piece, slots: SlotValues): PlanRun {
    const storages = { ...data, ...this.#state!.storages, ...this.#own };
    return this.#network.start(program, storages, { ...piece, events: this.profile?.room }, slots);
  }

  /** Reads what steps told. */
  #read(
    done: number,
    batch: number,
    rows: number,
    data: StepData,
    totals: Totals,
    each: ((result: StepResult) => void) | undefined,
  ): void {
    const { precision } = this.#network.backend;
    const { accumulate, accuracy } = this.#settings;
    const { updates } = this.#state!;
    const losses = readReals(this.#own.loss!, done, precision);
    const correct = accuracy && data.kinds.labels ? readReals(this.#own.correct!, done, precision) : undefined;
    for (let i = 0; i < done; i++) {
      const inStep = rowsOf(i, { batch, rows });
      const learningRate = this.#rate(accumulate > 1 ? updates : updates + i);
      totals.add(losses[i]!, correct?.[i], inStep);
      this.#learningRate = learningRate;
      each?.({ step: totals.steps, loss: losses[i]!, accuracy: correct && correct[i]! / inStep, learningRate });
    }
  }

  #rate(update: number): number {
    return this.#settings.optimizer.learningRate.at(update) * this.#state!.rateFactor;
  }

  // ---- updates by several batches ----

  /** At the end of an epoch: the update by the batches that are left. */
  async finish(): Promise<void> {
    if (this.#gathered.steps === 0) return;
    await this.#network.exclusive(async () => {
      if (!this.#scope.ending) await this.#update(this.#state!);
    });
  }

  async #update(state: OptimizerState): Promise<void> {
    const network = this.#network;
    const request = () => updateRequest(network, this.#settings);
    const program = await network.program('update', JSON.stringify(this.#updateKey()), 1, request);
    const run = this.#run(program, {}, { batch: 1, rows: 1 }, (name) => {
      if (name === 'learningRate') return this.#rate(state.updates);
      return name === 't' ? state.updates + 1 : 1 / this.#gathered.rows;
    });
    const done = await run.done;
    this.profile?.add(program.plan, run.events(), done);
    network.check();
    this.#gathered = { steps: 0, rows: 0 };
    state.updates++;
  }
}

/** Rows of a step of a piece. */
function rowsOf(step: number, { batch, rows }: Piece): number {
  return Math.min(batch, rows - step * batch);
}
