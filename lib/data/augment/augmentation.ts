/** What augmentations are: plain data that can go to another thread, and a function there that changes an image by it and by chance. */
import type { RandomStream } from '../../random.js';

/** Bytes, 255 full; or real numbers of any range. */
export type Pixels = Uint8Array | Float32Array | Float64Array;

/** An image that is changed where it lies: row after row, the channels of a pixel together. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Pixels;
  /** Working memory, of the same kind and size. */
  readonly spare: Pixels;
}

/** Made by `augment.flip` and the others. */
export interface Augmentation {
  readonly name: string;
}

export type Apply<Options extends Augmentation> = (plane: Plane, options: Options, random: RandomStream) => void;

const made = new WeakSet<object>();

/** Marks an augmentation whose options are checked. */
export function make<T extends Augmentation>(augmentation: T): T {
  made.add(augmentation);
  return Object.freeze(augmentation);
}

/** Whether `value` was made by a function of this folder. */
export function isAugmentation(value: unknown): value is Augmentation {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** A value as the plane's pixels can hold it. */
export function asPixel({ pixels }: Plane, value: number): number {
  return pixels instanceof Uint8Array ? Math.min(255, Math.max(0, Math.round(value))) : value;
}
