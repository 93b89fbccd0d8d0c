/**
 * Fourth stage of compiling: a batch normalization does not read its input once more for mean and variance, where a convolution by tiles of 4
 * makes it: that sums each square of 4 x 4 pixels as it writes them. (The sums of the gradient, measured: what the normalization saves, the
 * convolution's gradient loses by reading x.)
 */
import { squares } from '../geometry.js';
import { apply1, elements, isBatched } from '../graph/tensor.js';
import { outputSize, temporaryOp } from './fuse.js';
import { type Call, isTensorUse } from './lower.js';

export function momentsFromConvolutions(calls: readonly Call[]): Call[] {
  const result = [...calls];
  for (const [at, norm] of calls.entries()) {
    const x = norm.kernel === 'batch_norm_forward' ? norm.buffers.x : undefined;
    if (x === undefined || !isTensorUse(x)) continue;
    const i = result.findIndex(({ kernel, buffers }) => kernel === 'conv2d_forward' && buffers.y === x);
    const convolution = result[i] as (Call & { ints: Record<string, number> }) | undefined;
    if (convolution === undefined || convolution.buffers.moments !== undefined) continue;
    const { buffers, ints } = convolution;
    if (ints.tile !== 4 || ints.pool !== 0 || norm.ints.k !== ints.k) continue;
    const [h, w, k] = [outputSize(ints, 'h', 'r'), outputSize(ints, 'w', 's'), ints.k!];
    const images = isBatched(x.shape) ? 'N' : elements(x.shape).fixed / (h * w * k);
    const moments = apply1(temporaryOp, [], { shape: [images, squares(h * w, h, w), 2, k] }, norm.label);
    result[i] = { ...convolution, buffers: { ...buffers, moments } };
    result[at] = { ...norm, buffers: { ...norm.buffers, moments }, ints: { ...norm.ints, h, w } };
  }
  return result;
}
