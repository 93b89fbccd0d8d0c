/** Mirror images: left and right, or top and bottom, change places. */
import { checkNumber, checkOneOf, checkOptions } from '../../errors.js';
import { type Apply, type Augmentation, make } from './augmentation.js';

export interface FlipOptions {
  /** 'horizontal' (default): left and right. 'vertical': top and bottom. */
  readonly axis?: 'horizontal' | 'vertical';
  /** Of an image to be flipped. Default 0.5. */
  readonly probability?: number;
}

interface Flip extends Augmentation {
  readonly axis: 'horizontal' | 'vertical';
  readonly probability: number;
}

/** Mirrors an image with some probability. */
export function flip(options?: FlipOptions): Augmentation {
  checkOptions('flip', options, ['axis', 'probability']);
  const axis = checkOneOf('flip', 'axis', options?.axis ?? 'horizontal', ['horizontal', 'vertical']);
  const probability = checkNumber('flip', 'probability', options?.probability ?? 0.5, { min: 0, max: 1 });
  return make<Flip>({ name: 'flip', axis, probability });
}

export const applyFlip: Apply<Flip> = ({ height, width, channels, pixels, spare }, { axis, probability }, random) => {
  if (random.uniform() >= probability) return;
  const row = width * channels;
  if (axis === 'vertical') {
    spare.set(pixels);
    for (let y = 0; y < height; y++) pixels.set(spare.subarray(y * row, (y + 1) * row), (height - 1 - y) * row);
    return;
  }
  for (let start = 0; start < pixels.length; start += row)
    for (let left = start, right = start + row - channels; left < right; left += channels, right -= channels)
      for (let c = 0; c < channels; c++) {
        const kept = pixels[left + c]!;
        pixels[left + c] = pixels[right + c]!;
        pixels[right + c] = kept;
      }
};
