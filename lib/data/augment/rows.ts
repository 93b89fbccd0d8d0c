/** Augmentations of rows of images, one after the other where they lie. What happens to an image depends on the seed, the epoch and its number alone. */
import { wrongShape, wrongType } from '../../errors.js';
import { RandomStream } from '../../random.js';
import { type Apply, type Augmentation, isAugmentation, type Pixels, type Plane } from './augmentation.js';
import { applyBrightness } from './brightness.js';
import { applyCropPadded } from './crop-padded.js';
import { applyCutout } from './cutout.js';
import { applyFlip } from './flip.js';
import { applyNormalize, type Normalize, normalizeInto } from './normalize.js';
import { applyRotate } from './rotate.js';

const APPLY: Readonly<Record<string, Apply<never>>> = {
  brightness: applyBrightness,
  cropPadded: applyCropPadded,
  cutout: applyCutout,
  flip: applyFlip,
  normalize: applyNormalize,
  rotate: applyRotate,
};

/** Stream of the random numbers that a seed's key is made of ("augm"). */
const STREAM = 0x6175676d;

export interface Chance {
  readonly seed: number;
  readonly epoch: number;
  /** Of the first row, in the epoch. */
  readonly first: number;
}

/** Checks what a user gives. */
export function checkAugmentations(where: string, list: unknown): readonly Augmentation[] {
  if (!Array.isArray(list)) throw wrongType(where, 'augment', 'an array of augmentations', list);
  for (const [i, item] of list.entries())
    if (!isAugmentation(item)) throw wrongType(where, `augment[${i}]`, 'what augment.flip() and its like make', item);
  return list;
}

/** Checks that augmentations can be applied to such rows. Returns the shape of one. */
export function checkImages(
  where: string,
  x: unknown,
  shape: readonly number[] | undefined,
  steps: readonly Augmentation[],
): readonly [number, number, number] {
  if (!(x instanceof Uint8Array || x instanceof Float32Array || x instanceof Float64Array))
    throw wrongType(where, 'x', 'a Uint8Array, Float32Array or Float64Array, to be augmented,', x);
  if (shape?.length !== 3)
    throw wrongType(where, 'shape', 'rows with a shape [height, width, channels], to be augmented,', shape);
  for (const step of steps) {
    const { mean, std } = step as Partial<Normalize>;
    for (const [name, { length }] of Object.entries({ mean: mean ?? [0], std: std ?? [0] }))
      if (length !== 1 && length !== shape[2])
        throw wrongShape(where, `normalize has ${length} values of ${name}, but images have ${shape[2]} channels`);
  }
  return shape as readonly [number, number, number];
}

/** The rows, changed where they lie; bytes that are normalized become a Float32Array. */
export function augmentRows(
  x: Pixels,
  [height, width, channels]: readonly [number, number, number],
  steps: readonly Augmentation[],
  { seed, epoch, first }: Chance,
): Pixels {
  const size = height * width * channels;
  const turn = x instanceof Uint8Array ? steps.findIndex(({ name }) => name === 'normalize') : -1;
  const result = turn < 0 ? x : new Float32Array(x.length);
  const spare = x.slice(0, size);
  const realSpare = turn < 0 ? spare : new Float32Array(size);
  const before = turn < 0 ? steps : steps.slice(0, turn);
  const after = steps.slice(turn + 1);
  const key = keyOf(seed);
  for (let at = 0, index = first; at < x.length; at += size, index++) {
    const random = new RandomStream(key, index, epoch);
    const plane: Plane = { height, width, channels, pixels: x.subarray(at, at + size), spare };
    apply(before, plane, random);
    if (turn < 0) continue;
    const pixels = result.subarray(at, at + size);
    normalizeInto(plane.pixels, pixels, channels, steps[turn] as Normalize, 1 / 255);
    apply(after, { ...plane, pixels, spare: realSpare }, random);
  }
  return result;
}

function apply(steps: readonly Augmentation[], plane: Plane, random: RandomStream): void {
  for (const step of steps) APPLY[step.name]!(plane, step as never, random);
}

/** A seed of its own, so that stream and step are free for the image's number and the epoch. */
function keyOf(seed: number): number {
  const random = new RandomStream(seed, STREAM);
  return random.word() + (random.word() >>> 11) * 2 ** 32;
}
