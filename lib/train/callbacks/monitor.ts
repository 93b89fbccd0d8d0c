/** Goes by one number of the epochs' records: which one, and what is better. */
import { checkNumber, checkOneOf } from '../../errors.js';
import type { EpochRecord } from '../records.js';
import { type FitContext, type MonitorName, monitorNames } from './callback.js';

export interface MonitorOptions {
  /** Default 'testLoss', where there are validation data, else 'trainLoss'. */
  readonly monitor?: MonitorName;
  /** Whether less is better, or more. Default 'max' for accuracies, else 'min'. */
  readonly mode?: 'min' | 'max';
  /** By how much a number must be better than the best to count as better; >= 0. */
  readonly minDelta?: number;
}
export const monitorOptions = ['monitor', 'mode', 'minDelta'] as const satisfies readonly (keyof MonitorOptions)[];

export class Monitor {
  readonly #where: string;
  readonly #minDelta: number;
  readonly #wanted: MonitorName | undefined;
  readonly #mode: 'min' | 'max' | undefined;
  #name: MonitorName = 'trainLoss';

  constructor(where: string, { monitor, mode, minDelta }: MonitorOptions, usualDelta: number) {
    this.#where = where;
    this.#wanted = monitor && checkOneOf(where, 'monitor', monitor, monitorNames);
    this.#mode = mode && checkOneOf(where, 'mode', mode, ['min', 'max'] as const);
    this.#minDelta = checkNumber(where, 'minDelta', minDelta ?? usualDelta, { min: 0, openMax: true });
  }

  /** Finds its number. TypeError where the fit's records will not have it. */
  begin({ monitors }: FitContext): void {
    const wanted = this.#wanted ?? (monitors.includes('testLoss') ? 'testLoss' : 'trainLoss');
    if (!monitors.includes(wanted))
      throw new TypeError(
        `${this.#where}: the epochs of this fit have no ${wanted}, but ${monitors.join(', ')}${wanted.startsWith('test') ? '; give validationData' : ''}`,
      );
    this.#name = wanted;
  }

  get name(): MonitorName {
    return this.#name;
  }

  /** The number of a record; NaN where it has none. */
  of(record: EpochRecord): number {
    return record[this.#name] ?? Number.NaN;
  }

  /** Whether a number is better than the best so far. NaN never is; anything else is better than none. */
  better(value: number, best: number | undefined): boolean {
    if (best === undefined || Number.isNaN(best)) return !Number.isNaN(value);
    const more = (this.#mode ?? (this.#name.endsWith('Accuracy') ? 'max' : 'min')) === 'max';
    return more ? value > best + this.#minDelta : value < best - this.#minDelta;
  }
}
