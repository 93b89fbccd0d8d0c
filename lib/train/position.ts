/** Where a fit stands: the epoch under way and what it came to so far, the epochs before, and what ended it. */
import { Totals, type TotalsState } from './evaluate.js';
import type { EpochRecord, FitFigures } from './records.js';
import type { Scope } from './scope.js';

/** A position as JSON. */
export interface PositionState {
  /** From 1. */
  readonly epoch: number;
  readonly totals: TotalsState;
  /** Of training in this epoch. */
  readonly seconds: number;
  readonly records: readonly EpochRecord[];
  readonly steps: number;
  /** null: no callback has ended the fit. */
  readonly reason: string | null;
}

export class Position {
  /** From 1; 0: the fit has not begun. */
  epoch = 0;
  totals = new Totals();
  /** Of the epochs that ended. */
  records: EpochRecord[] = [];
  /** Batches since the fit began. */
  steps = 0;
  /** Why a callback ended the fit. */
  reason: string | undefined;
  readonly #scope: Scope;
  /** Seconds that earlier runs spent in this epoch, and when this one took it up. */
  #before = 0;
  #began = 0;
  #rested = 0;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** The epoch is taken up, or begun. */
  takeUp(): void {
    this.#began = performance.now();
    this.#rested = this.#scope.rested;
  }

  /** Of training in this epoch so far; a rest does not count. */
  get seconds(): number {
    return this.#before + (performance.now() - this.#began - (this.#scope.rested - this.#rested)) / 1000;
  }

  /** To the beginning of the next epoch. */
  next(): void {
    this.epoch++;
    this.totals = new Totals();
    this.#before = 0;
    this.takeUp();
  }

  state(): PositionState {
    const { epoch, seconds, steps } = this;
    return {
      epoch,
      seconds,
      steps,
      totals: this.totals.state(),
      records: [...this.records],
      reason: this.reason ?? null,
    };
  }

  restore({ epoch, seconds, steps, totals, records, reason }: PositionState): void {
    [this.epoch, this.steps, this.#before] = [epoch, steps, seconds];
    this.totals = Totals.from(totals);
    this.records = [...records];
    this.reason = reason ?? undefined;
  }

  figures(epochs: number, steps: number | undefined, learningRate: number | undefined): FitFigures {
    const { epoch, totals, records } = this;
    const loss = totals.steps === 0 ? undefined : totals.loss;
    return { epoch, epochs, step: totals.steps, steps, loss, learningRate, record: records.at(-1) };
  }
}
