/**
 * Dropout (Srivastava et al. 2014), inverted: y = x / (1 - rate) with probability 1 - rate, else 0. The draws depend on seed, stream, step
 * and place alone, so the same op on a gradient or a tangent meets the same mask: it is linear, and its own transpose.
 */
import { checkNumber, checkOptions } from '../../errors.js';
import { apply1, elements, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';
import { checkRandom, type RandomAttributes, type RandomOptions, randomInts } from './random.js';

export interface DropoutOptions extends RandomOptions {
  /** Share of the values that become 0, in [0, 1). Default 0.5. */
  readonly rate?: number;
}
type DropoutAttributes = RandomAttributes & { readonly rate: number };

export const dropoutOp: Op<DropoutAttributes> = {
  name: 'dropout',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ attributes }, [dy]) => [dy && dropout(dy, attributes)],
  jvp: ({ attributes }, [dx]) => [dx && dropout(dx, attributes)],
  emit: ({ inputs: [x], outputs: [y], attributes }, emit) => {
    const ints = { n: elements(x!.shape), ...randomInts(attributes, x!.shape) };
    emit('dropout_forward', { x: x!, y: y!, ...ints, rate: attributes.rate });
  },
};

/** Drops values at random, anew at each step, and scales the rest by 1 / (1 - rate). Any shape. For training. */
export function dropout(x: Tensor, options?: DropoutOptions, label?: string): Tensor {
  const where = label ?? 'dropout';
  checkOptions(where, options, ['rate', 'seed', 'stream']);
  const rate = checkNumber(where, 'rate', options?.rate ?? 0.5, { min: 0, max: 1, openMax: true });
  return apply1(dropoutOp, [x], { rate, ...checkRandom(where, options) }, label);
}
