/** Brighter and darker images: all values times one factor. */
import { checkNumber } from '../../errors.js';
import { type Apply, type Augmentation, make } from './augmentation.js';

interface Brightness extends Augmentation {
  readonly amount: number;
}

/** Multiplies an image by a factor between 1 - amount and 1 + amount; bytes end at 255. */
export function brightness(amount: number): Augmentation {
  return make<Brightness>({
    name: 'brightness',
    amount: checkNumber('brightness', 'amount', amount, { min: 0, max: 1 }),
  });
}

export const applyBrightness: Apply<Brightness> = ({ pixels }, { amount }, random) => {
  const factor = random.uniform(1 - amount, 1 + amount);
  if (pixels instanceof Uint8Array)
    for (let i = 0; i < pixels.length; i++) pixels[i] = Math.min(255, pixels[i]! * factor + 0.5);
  else for (let i = 0; i < pixels.length; i++) pixels[i]! *= factor;
};
