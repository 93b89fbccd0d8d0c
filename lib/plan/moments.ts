/**
 * Fourth stage of compiling: a batch normalization does not read what it normalizes once more to sum it, where a convolution by tiles of 4 makes
 * it: that sums each square of 4 x 4 pixels as it writes them. Forward for mean and variance, backward for sum dy and sum dy (x - mean).
 */
import { squares } from '../geometry.js';
import { apply1, elements, isBatched } from '../graph/tensor.js';
import { outputSize, temporaryOp, usesOf } from './fuse.js';
import { type Call, isTensorUse } from './lower.js';

export function momentsFromConvolutions(calls: readonly Call[]): Call[] {
  const result = [...calls];
  const maker = (use: unknown) => result.findIndex((call) => usesOf(call, 'out').includes(use));
  for (const [at, norm] of calls.entries()) {
    const forward = norm.kernel === 'batch_norm_forward';
    if (!forward && (norm.kernel !== 'batch_norm_backward' || norm.buffers.y !== undefined)) continue;
    const values = norm.buffers[forward ? 'x' : 'dy']!;
    const i = maker(values);
    const convolution = result[i];
    if (convolution?.kernel !== (forward ? 'conv2d_forward' : 'conv2d_backward_input') || !isTensorUse(values))
      continue;
    const { buffers, ints } = convolution as Call & { ints: Record<string, number> };
    const [h, w, k] = forward
      ? [outputSize(ints, 'h', 'r'), outputSize(ints, 'w', 's'), ints.k!]
      : [ints.h!, ints.w!, ints.c!];
    if (ints.tile !== 4 || (forward && ints.pool !== 0) || buffers.moments !== undefined || norm.ints.k !== k) continue;
    const { x, mean } = norm.buffers;
    if (!forward && (maker(x) > i || maker(mean) > i)) continue;
    const images = isBatched(values.shape) ? 'N' : elements(values.shape).fixed / (h * w * k);
    const moments = apply1(temporaryOp, [], { shape: [images, squares(h * w, h, w), 2, k] }, norm.label);
    result[i] = { ...convolution, buffers: { ...buffers, ...(!forward && { normalized: x!, mean: mean! }), moments } };
    result[at] = { ...norm, buffers: { ...norm.buffers, moments }, ints: { ...norm.ints, h, w } };
  }
  return result;
}
