/** Losses by name: for `fit({ loss: 'hinge' })` and for saving a model. */
import { checkOneOf, wrongType } from '../errors.js';
import { hinge } from './hinge.js';
import { logistic } from './logistic.js';
import type { Loss, LossName } from './loss.js';
import { softmaxCrossEntropy } from './softmax-cross-entropy.js';
import { squaredError } from './squared-error.js';

export const losses = { squaredError, softmaxCrossEntropy, hinge, logistic } as const satisfies Record<
  LossName,
  (options?: never) => Loss
>;
const made: Readonly<Record<string, (options?: Readonly<Record<string, unknown>>) => Loss>> = {
  ...(losses as Record<LossName, (options?: object) => Loss>),
  crossEntropy: (options) => softmaxCrossEntropy(options as undefined),
  squaredHinge: (options) => hinge({ squared: true, ...options }),
};

/** Names that `lossFrom` knows: each loss, 'crossEntropy' (softmaxCrossEntropy) and 'squaredHinge' (hinge, squared). */
export type LossOption = LossName | 'crossEntropy' | 'squaredHinge';
export const lossNames = Object.keys(made) as LossOption[];

/**
 * A loss from its name (and options), or the one given.
 * @throws RangeError on an unknown name, with the nearest one; TypeError on options beside a loss that has its own.
 */
export function lossFrom(value: LossOption | Loss, options?: Readonly<Record<string, unknown>>): Loss {
  if (typeof value === 'object' && value !== null && typeof value.apply === 'function') {
    if (options !== undefined) throw wrongType(value.name, 'options', 'none beside a ready loss', options);
    return value;
  }
  return made[checkOneOf('loss', 'name', value as string, lossNames)]!(options);
}
