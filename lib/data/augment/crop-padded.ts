/** A border round the image, then a piece of the image's size from anywhere: the image is shifted, and what comes in is the border. */
import { checkInteger, checkNumber, checkOptions } from '../../errors.js';
import { type Apply, type Augmentation, asPixel, make } from './augmentation.js';

export interface FillOptions {
  /** Value of what is not image; of bytes 0 .. 255. Default 0. */
  readonly fill?: number;
}

interface CropPadded extends Augmentation {
  readonly padding: number;
  readonly fill: number;
}

/** Puts a border of `padding` pixels round an image and takes a piece of the image's size out of it, each with the same probability. */
export function cropPadded(padding: number, options?: FillOptions): Augmentation {
  checkInteger('cropPadded', 'padding', padding, 0, 65_535);
  return make<CropPadded>({ name: 'cropPadded', padding, fill: checkFill('cropPadded', options) });
}

export function checkFill(where: string, options: FillOptions | undefined): number {
  checkOptions(where, options, ['fill']);
  return checkNumber(where, 'fill', options?.fill ?? 0, { openMin: true, openMax: true });
}

export const applyCropPadded: Apply<CropPadded> = (plane, { padding, fill }, random) => {
  const { height, width, channels, pixels } = plane;
  const down = random.below(2 * padding + 1) - padding;
  const right = random.below(2 * padding + 1) - padding;
  const value = asPixel(plane, fill);
  const row = width * channels;
  // Row y comes from row y + down, pixel x from x + right. All moves at once; what came from other rows is then overwritten.
  const offset = down * row + right * channels;
  if (offset > 0) pixels.copyWithin(0, offset);
  else pixels.copyWithin(-offset, 0, Math.max(0, pixels.length + offset));
  for (let y = 0; y < height; y++) {
    const start = y * row;
    if (y + down < 0 || y + down >= height) pixels.fill(value, start, start + row);
    else if (right > 0) pixels.fill(value, start + Math.max(0, row - right * channels), start + row);
    else if (right < 0) pixels.fill(value, start, start + Math.min(row, -right * channels));
  }
};
