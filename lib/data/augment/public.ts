/** The augmentations that users have, as `augment`. */
export type { Augmentation } from './augmentation.js';
export { brightness } from './brightness.js';
export { cropPadded, type FillOptions } from './crop-padded.js';
export { cutout } from './cutout.js';
export { type FlipOptions, flip } from './flip.js';
export { type NormalizeOptions, normalize } from './normalize.js';
export { rotate } from './rotate.js';
