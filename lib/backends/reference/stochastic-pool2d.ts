/**
 * Stochastic pooling (Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks", ICLR 2013,
 * equations 4-6; named in the lecture notes, 1.3.6). With a = max(x, 0), training takes place j of a window with probability
 * p_j = a_j / sum a; inference takes the mean sum p_j a_j.
 */
import { fillUniform } from '../../random.js';
import type { Args } from './args.js';
import { countOutputs, forOutputs, placeOffsets } from './windows.js';

/**
 * The first place whose cumulative sum exceeds u * total, u = number `first` + output of the random stream; place 0 where the total
 * is not > 0. Sums are taken in float32, in row-major order, so that every backend chooses the same place.
 */
export function stochasticPool2dForward(args: Args<'stochastic_pool2d_forward'>): void {
  const { x, y, argmax, seed, stream, step, first: start } = args;
  const offsets = placeOffsets(args);
  const u = fillUniform(new Float32Array(countOutputs(args)), seed, stream, step, start);
  const activation = (value: number) => (value > 0 ? Math.fround(value) : 0);
  forOutputs(args, (output, first) => {
    let total = 0;
    for (const offset of offsets) total = Math.fround(total + activation(x[first + offset]!));
    let place = 0;
    if (total > 0) {
      const threshold = Math.fround(u[output]! * total);
      let cumulative = 0;
      for (let i = 0; i < offsets.length; i++) {
        const a = activation(x[first + offsets[i]!]!);
        if (a > 0) place = i;
        cumulative = Math.fround(cumulative + a);
        if (cumulative > threshold) break;
      }
    }
    y[output] = x[first + offsets[place]!]!;
    argmax[output] = place;
  });
}

/** sum a^2 / sum a, and 0 where the sum is 0. */
export function stochasticPool2dExpected(args: Args<'stochastic_pool2d_expected'>): void {
  const { x, y } = args;
  const offsets = placeOffsets(args);
  forOutputs(args, (output, first) => {
    let [sum, squares] = [0, 0];
    for (const offset of offsets) {
      const a = Math.max(x[first + offset]!, 0);
      sum += a;
      squares += a * a;
    }
    y[output] = sum === 0 ? 0 : squares / sum;
  });
}
