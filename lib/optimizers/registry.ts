/** Optimizers by name: for `fit({ optimizer: 'adam' })`, the command line and checkpoints. */
import { checkOneOf, wrongType } from '../errors.js';
import { adagrad } from './adagrad.js';
import { adam } from './adam.js';
import { adamw } from './adamw.js';
import { momentum } from './momentum.js';
import { nesterov } from './nesterov.js';
import type { CommonOptions, Optimizer, OptimizerName } from './optimizer.js';
import { rmsprop } from './rmsprop.js';
import { sgd } from './sgd.js';

export const optimizers = { sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw } as const satisfies Record<
  OptimizerName,
  (options?: CommonOptions) => Optimizer
>;
export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

/**
 * An optimizer from its name and options, or the one given.
 * @throws RangeError on an unknown name, with the nearest one; TypeError on options beside an optimizer that has its own.
 * @example optimizerFrom('adam', { learningRate: 0.002 })
 */
export function optimizerFrom(
  value: OptimizerName | Optimizer,
  options?: Readonly<Record<string, unknown>>,
): Optimizer {
  if (typeof value === 'object' && value !== null && typeof value.reals === 'function') {
    if (options !== undefined) throw wrongType(value.name, 'options', 'none beside a ready optimizer', options);
    return value;
  }
  const name = checkOneOf('optimizer', 'name', value as string, optimizerNames);
  return optimizers[name](options);
}
