/** Training steps on the engine: some at a time, by the plan for their data, with what they came to. */
import type { Storage } from '../backends/backend.js';
import type { Profile } from '../plan/profile.js';
import type { Totals } from './evaluate.js';
import type { Network, OptimizerState } from './network.js';
import { trainingRequest } from './objective.js';
import type { FitSettings } from './options.js';
import type { Piece, Program, Storages } from './program.js';
import { type Kinds, readReals } from './registered.js';
import type { Scope } from './scope.js';

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

export class Steps {
  readonly #network: Network;
  readonly #settings: FitSettings;
  readonly #scope: Scope;
  /** Takes the times of kernels. */
  profile: Profile | undefined;
  #state: OptimizerState | undefined;
  #losses!: Storage;
  #correct!: Storage;
  #gradientFactor: Storage | undefined;
  #learningRate: number | undefined;

  constructor(network: Network, settings: FitSettings, scope: Scope) {
    this.#network = network;
    this.#settings = settings;
    this.#scope = scope;
  }

  /** Of the last update. */
  get learningRate(): number | undefined {
    return this.#learningRate;
  }

  /** The plan of steps on such data, by up to `batch` rows. Rejects where the loss does not fit the network. */
  compile(kinds: Kinds, batch: number): Promise<Program> {
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
    return this.#network.program('training', key, batch, request, this.#scope.signal);
  }

  /** The optimizer's state, and memory for what the steps tell: once a plan is there, so that what does not fit changes nothing. */
  #takeState(): OptimizerState {
    if (this.#state !== undefined) return this.#state;
    const { backend } = this.#network;
    this.#network.check();
    this.#losses = this.#scope.own(backend.allocate('real', MOST_STEPS));
    this.#correct = this.#scope.own(backend.allocate('real', MOST_STEPS));
    if (this.#settings.clipNorm !== undefined) this.#gradientFactor = this.#scope.own(backend.allocate('real', 1));
    this.#state = this.#network.stateFor(this.#settings.optimizer);
    return this.#state;
  }

  /** Runs a piece of the data and adds what it came to; resolves to the steps done, which `each` is told one by one. */
  async run(
    program: Program,
    data: StepData,
    piece: Piece,
    totals: Totals,
    each?: (result: StepResult) => void,
  ): Promise<number> {
    const network = this.#network;
    const state = this.#takeState();
    const schedule = this.#settings.optimizer.learningRate;
    const slot = (name: string, step: number): number => {
      if (name === 'learningRate') return schedule.at(state.updates + step);
      if (name === 't') return state.updates + step + 1;
      return name === 'step' ? (network.updates + step) % 2 ** 32 : data.rows;
    };
    return network.exclusive(async () => {
      if (this.#scope.ending) return 0;
      const own = { loss: this.#losses, correct: this.#correct, gradientFactor: this.#gradientFactor };
      const storages = { ...data.storages, ...state.storages, ...own };
      const run = network.start(program, storages, { ...piece, events: this.profile?.room }, slot);
      const done = await this.#scope.stepsOf(run);
      this.profile?.add(program.plan, run.events(), done);
      if (network.disposed || done === 0) return 0;
      const losses = readReals(this.#losses, done, network.backend.precision);
      const counted = this.#settings.accuracy && data.kinds.labels;
      const correct = counted ? readReals(this.#correct, done, network.backend.precision) : undefined;
      for (let i = 0; i < done; i++) {
        const rows = Math.min(piece.batch, piece.rows - i * piece.batch);
        const learningRate = schedule.at(state.updates + i);
        totals.add(losses[i]!, correct?.[i], rows);
        this.#learningRate = learningRate;
        each?.({ step: totals.steps, loss: losses[i]!, accuracy: correct && correct[i]! / rows, learningRate });
      }
      state.updates += done;
      network.updates += done;
      return done;
    });
  }
}
