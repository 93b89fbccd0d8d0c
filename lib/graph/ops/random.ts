/** What the ops that draw random numbers share: a draw depends on seed, stream, step and the element's index in the batch alone. */
import { checkInteger } from '../../errors.js';
import { elements, type IntExpr, type Shape } from '../tensor.js';

export interface RandomOptions {
  /** Default 0. */
  readonly seed?: number;
  /** A number of the op's own, 0 to 2^32 - 1, so that two ops of one seed draw different numbers. Default 0. */
  readonly stream?: number;
}
export type RandomAttributes = Required<RandomOptions>;

export function checkRandom(where: string, options: RandomOptions | undefined): RandomAttributes {
  return {
    seed: checkInteger(where, 'seed', options?.seed ?? 0),
    stream: checkInteger(where, 'stream', options?.stream ?? 0, 0, 2 ** 32 - 1),
  };
}

/** The whole numbers of a drawing kernel: `step` is a slot of the run, `first` the index of the slice's first element of `shape`. */
export function randomInts({ seed, stream }: RandomAttributes, shape: Shape) {
  const step: IntExpr = { fixed: 0, slot: 'step' };
  const first: IntExpr = { fixed: 0, perFirst: elements(shape).perImage };
  return { seed, stream, step, first };
}
