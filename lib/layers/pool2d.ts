/** What the pooling layers share: a window of poolSize x poolSize moved by `strides` over each channel (lecture notes 1.3.6). */
import { checkInteger, checkOptions } from '../errors.js';
import type { Tensor } from '../graph/tensor.js';
import { checkImage, checkWindow } from './common.js';
import type { ApplyContext, Layer } from './layer.js';

export interface Pool2dOptions {
  /** Height and width of the window, at most 256. Default 2. */
  readonly poolSize?: number;
  /** Step of the window, both ways. Default poolSize: windows that do not overlap. */
  readonly strides?: number;
}

/** A pooling layer from its op: [h, w, c] to [p, q, c]. The place in a window is kept in 16 bits: windows up to 256 x 256. */
export function pool2d(
  kind: string,
  options: Pool2dOptions | undefined,
  op: (x: Tensor, window: { pool: number; stride: number }, context: ApplyContext) => Tensor,
): Layer {
  checkOptions(kind, options, ['poolSize', 'strides']);
  const poolSize = checkInteger(kind, 'poolSize', options?.poolSize ?? 2, 1, 256);
  const strides = checkInteger(kind, 'strides', options?.strides ?? poolSize, 1);
  return {
    kind,
    options: { poolSize, strides },
    build(inputShape, label) {
      const image = checkImage(label, inputShape);
      const [p, q] = checkWindow(label, 'pool', image, poolSize, strides, 0);
      return { outputShape: [p, q, image[2]], parameters: [] };
    },
    apply: (x, _, context) => op(x, { pool: poolSize, stride: strides }, context),
  };
}
