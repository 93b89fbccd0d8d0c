/** What watches a fit and takes part in it: the contract of callbacks, and the list that a fit calls. */
import { wrongType } from '../../errors.js';
import type { Model } from '../model.js';
import type { BatchRecord, EpochRecord, History } from '../records.js';
import type { Weights } from '../weights.js';

/** Numbers of an epoch's record that a callback may go by. */
export const monitorNames = ['trainLoss', 'trainAccuracy', 'objective', 'testLoss', 'testAccuracy'] as const;
export type MonitorName = (typeof monitorNames)[number];

/** A fit as its callbacks see it. */
export interface FitContext {
  /** Its weights may be read and set, and it may be evaluated and saved, between two epochs. */
  readonly model: Model;
  readonly epochs: number;
  /** What the epochs' records will have, as far as is known before the first: accuracies of a stream only if its labels allow it. */
  readonly monitors: readonly MonitorName[];
  /** Of the last update; undefined before the first. */
  readonly learningRate: number | undefined;
  /** Multiplies the learning rate of all updates to come, whatever the schedule: for as long as the model keeps the optimizer's state. */
  scaleLearningRate(factor: number): void;
  /** Ends the run well, after the epoch or the step that it is in: `reason` is what the history then has. The first one counts. */
  end(reason: string): void;
  /** The model's weights, copied when nobody else uses them; and the way back. */
  weights(): Promise<Weights[]>;
  setWeights(weights: readonly Weights[]): Promise<void>;
}

/** What a checkpoint keeps of a callback: JSON, and arrays by name. */
export interface CallbackState {
  readonly json?: unknown;
  readonly arrays?: Readonly<Record<string, Float32Array | Float64Array>>;
}

/**
 * Takes part in a fit: `fit(data, { callbacks: [...] })`. Its methods are called in the order of the list, and awaited; what they throw rejects the
 * run. An object may serve several fits, one after the other.
 */
export interface Callback {
  /** What a checkpoint knows its state by. */
  readonly name: string;
  /** Before the first step. `state` is what `state()` gave, where a checkpoint is resumed; else the callback starts anew. */
  onTrainBegin?(fit: FitContext, state: CallbackState | undefined): unknown;
  /** After some steps, several times a second, with the loss of each. */
  onLosses?(losses: readonly number[], fit: FitContext): unknown;
  /** After each step: with it, steps run one by one. */
  onBatchEnd?(record: BatchRecord, fit: FitContext): unknown;
  /** After each epoch, also one that the run's end cut short (`record.partial`). */
  onEpochEnd?(record: EpochRecord, fit: FitContext): unknown;
  /** After the last step, unless the run fails. */
  onTrainEnd?(history: History, fit: FitContext): unknown;
  /** What it must remember to go on. Not changed afterwards: a checkpoint is written while training goes on. */
  state?(): CallbackState;
}

const methods = ['onTrainBegin', 'onLosses', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd', 'state'] as const;

/** Checks the option. */
export function readCallbacks(where: string, callbacks: readonly Callback[] | undefined): readonly Callback[] {
  if (callbacks === undefined) return [];
  if (!Array.isArray(callbacks)) throw wrongType(where, 'callbacks', 'an array of callbacks', callbacks);
  for (const [i, callback] of callbacks.entries()) {
    const name = `callbacks[${i}]`;
    if (callback === null || typeof callback !== 'object') throw wrongType(where, name, 'a callback', callback);
    if (typeof callback.name !== 'string') throw wrongType(where, `${name}.name`, 'a string', callback.name);
    for (const method of methods)
      if (callback[method] !== undefined && typeof callback[method] !== 'function')
        throw wrongType(where, `${name}.${method}`, 'a function', callback[method]);
  }
  return callbacks;
}

/** The names that states go by: those of the callbacks, numbered where one is there twice. */
export function stateNames(callbacks: readonly Callback[]): string[] {
  const count = new Map<string, number>();
  return callbacks.map(({ name }) => {
    const number = (count.get(name) ?? 0) + 1;
    count.set(name, number);
    return number === 1 ? name : `${name}#${number}`;
  });
}
