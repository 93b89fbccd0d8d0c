/** Zero padding, the linear map P_pad (lecture notes 1.3.5). `conv2d` has the same as an option, without the copy. */
import { checkInteger } from '../errors.js';
import { zeroPad2d } from '../graph/ops/zero-pad2d.js';
import { checkImage, requireOptions } from './common.js';
import type { Layer } from './layer.js';

export interface ZeroPadding2dOptions {
  /** Rows and columns of zeros on each side. */
  readonly padding: number;
}

/**
 * [h, w, c] to [h + 2 padding, w + 2 padding, c]. No parameters.
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input is no image.
 * @example zeroPadding2d({ padding: 2 })
 */
export function zeroPadding2d(options: ZeroPadding2dOptions): Layer {
  requireOptions('zeroPadding2d', options, ['padding']);
  const padding = checkInteger('zeroPadding2d', 'padding', options.padding);
  return {
    kind: 'zeroPadding2d',
    options: { padding },
    build(inputShape, label) {
      const [h, w, c] = checkImage(label, inputShape);
      return { outputShape: [h + 2 * padding, w + 2 * padding, c], parameters: [] };
    },
    apply: (x, _, { label }) => zeroPad2d(x, { padding }, label),
  };
}
