/** A square of the image is blotted out (DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017). */
import { checkInteger } from '../../errors.js';
import { type Apply, type Augmentation, asPixel, make } from './augmentation.js';
import { checkFill, type FillOptions } from './crop-padded.js';

interface Cutout extends Augmentation {
  readonly size: number;
  readonly fill: number;
}

/** Fills a square of `size` x `size` pixels whose centre is any pixel with the same probability: at the edges, a part of it is outside. */
export function cutout(size: number, options?: FillOptions): Augmentation {
  checkInteger('cutout', 'size', size, 1);
  return make<Cutout>({ name: 'cutout', size, fill: checkFill('cutout', options) });
}

export const applyCutout: Apply<Cutout> = (plane, { size, fill }, random) => {
  const { height, width, channels, pixels } = plane;
  const top = random.below(height) - (size >> 1);
  const left = random.below(width) - (size >> 1);
  const value = asPixel(plane, fill);
  const [begin, end] = [Math.max(0, left), Math.min(width, left + size)];
  for (let y = Math.max(0, top); y < Math.min(height, top + size); y++)
    pixels.fill(value, (y * width + begin) * channels, (y * width + end) * channels);
};
