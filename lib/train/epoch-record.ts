/** What an epoch came to: its totals, with the objective and the validation where they are wanted. */
import { evaluateRegistered, squaredNormOf, type Totals } from './evaluate.js';
import type { Network } from './network.js';
import type { FitSettings } from './options.js';
import type { EpochRecord } from './records.js';
import type { Registered } from './registered.js';
import type { Scope } from './scope.js';

export interface EpochEnd {
  readonly epoch: number;
  readonly totals: Totals;
  readonly seconds: number;
  readonly learningRate: number;
  /** All steps were done. */
  readonly whole: boolean;
}

export async function epochRecord(
  network: Network,
  { loss, accuracy, batchSize, C }: FitSettings,
  scope: Scope,
  validation: Registered | undefined,
  { epoch, totals, seconds, learningRate, whole }: EpochEnd,
): Promise<EpochRecord> {
  const regularised = C < Number.POSITIVE_INFINITY && !scope.ending;
  const regulariser = regularised ? (await squaredNormOf(network)) / (2 * C) : undefined;
  const how = { loss, accuracy, batchSize: Math.max(batchSize, 256) };
  const test =
    validation === undefined || !whole || scope.ending
      ? undefined
      : await evaluateRegistered(network, validation, how, { signal: scope.signal });
  const trainAccuracy = totals.accuracy;
  return {
    kind: 'epoch',
    epoch,
    trainLoss: totals.loss,
    ...(accuracy && trainAccuracy !== undefined && { trainAccuracy }),
    ...(regulariser !== undefined && { objective: totals.loss + regulariser }),
    ...(test && { testLoss: test.loss, ...(test.accuracy !== undefined && { testAccuracy: test.accuracy }) }),
    seconds,
    imagesPerSecond: totals.rows / seconds,
    learningRate,
    steps: totals.steps,
    ...((!whole || scope.ending) && { partial: true }),
  };
}
