/**
 * Built-in digits: images of 0 to 9 that need no download. Each is drawn by strokes (glyphs.ts) under a random affine map (shift,
 * rotation, scale, shear), a smooth bend, a random thickness and ink, anti-aliased by the distance of a pixel to the stroke, with noise.
 * Image i depends on the seed, the split and i alone, so fewer images are the beginning of more.
 */
import { checkInteger, checkOneOf, checkOptions } from '../errors.js';
import { permutation, RandomStream } from '../random.js';
import type { LabelledImages } from './dataset.js';
import { type Glyph, glyphs, type Stroke } from './glyphs.js';

export interface DigitsOptions {
  /** How many images. Default 10000. */
  readonly count?: number;
  /** Default 0. */
  readonly seed?: number;
  /** 'train' and 'test' draw different images from the same seed. Default 'train'. */
  readonly split?: 'train' | 'test';
}

const SIZE = 28;
const CLASSES = 10;
const MAX_COUNT = 10_000_000;
/** Streams of random numbers: one for labels and one for images, for each split. */
const STREAMS = { train: 0x64696730, test: 0x64696732 } as const;

/** How far the random parts go. Tuned so that a linear classifier stays well below 0.95 and LeNet passes 0.985 in three epochs. */
const RANGE = {
  /** Height of the digit in pixels. */
  height: [15, 22],
  /** Width to height, on top of the glyph's own. */
  aspect: [0.75, 1.1],
  /** Radians, either way. */
  rotation: 0.3,
  shear: 0.3,
  /** Pixels, either way. */
  shift: 2.5,
  /** Bend: part of the digit's size, either way. */
  bend: 0.05,
  /** Half the width of the pen, in pixels. */
  radius: [0.8, 1.7],
  /** Brightness of full ink. */
  ink: [150, 255],
  /** Largest amplitude of the noise. */
  noise: 60,
} as const;

type Place = (x: number, y: number) => readonly [number, number];

/** One line: coverage is radius + 1/2 - distance, cut to [0, 1]; where lines meet the larger counts. Pixel centres are whole numbers. */
function drawLine(canvas: Float32Array, x0: number, y0: number, x1: number, y1: number, radius: number): void {
  const reach = radius + 0.5;
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
  const right = Math.min(SIZE - 1, Math.floor(Math.max(x0, x1) + reach));
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
  const bottom = Math.min(SIZE - 1, Math.floor(Math.max(y0, y1) + reach));
  const [dx, dy] = [x1 - x0, y1 - y0];
  const scale = 1 / Math.max(dx * dx + dy * dy, 1e-12);
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) * scale));
      const [ex, ey] = [x - x0 - along * dx, y - y0 - along * dy];
      const coverage = reach - Math.sqrt(ex * ex + ey * ey);
      if (coverage > canvas[y * SIZE + x]!) canvas[y * SIZE + x] = Math.min(1, coverage);
    }
}

function drawStroke(canvas: Float32Array, stroke: Stroke, radius: number, place: Place): void {
  let [x0, y0] = place(stroke[0]!, stroke[1]!);
  for (let i = 2; i < stroke.length; i += 2) {
    const [x1, y1] = place(stroke[i]!, stroke[i + 1]!);
    drawLine(canvas, x0, y0, x1, y1, radius);
    [x0, y0] = [x1, y1];
  }
}

/** A random way to put the square [0, 1] x [0, 1] on the canvas: bend, scale, shear, rotate, shift. */
function randomPlace(random: RandomStream): Place {
  const either = (limit: number) => random.uniform(-limit, limit);
  const height = random.uniform(...RANGE.height);
  const width = height * random.uniform(...RANGE.aspect);
  const [angle, shear] = [either(RANGE.rotation), either(RANGE.shear)];
  const [centreX, centreY] = [(SIZE - 1) / 2 + either(RANGE.shift), (SIZE - 1) / 2 + either(RANGE.shift)];
  const [bendX, bendY] = [either(RANGE.bend), either(RANGE.bend)];
  const [phaseX, phaseY] = [either(Math.PI), either(Math.PI)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return (x, y) => {
    const down = (y - 0.5 + bendY * Math.sin(4 * x + phaseY)) * height;
    const across = (x - 0.5 + bendX * Math.sin(6 * y + phaseX)) * width - shear * down;
    return [centreX + cos * across - sin * down, centreY + sin * across + cos * down];
  };
}

/** Draws one image of `label` into `pixels`. `canvas` is working memory. */
function drawDigit(pixels: Uint8Array, canvas: Float32Array, label: number, random: RandomStream): void {
  const styles = glyphs[label]!;
  const glyph: Glyph = styles[random.below(styles.length)]!;
  const place = randomPlace(random);
  const radius = random.uniform(...RANGE.radius);
  const ink = random.uniform(...RANGE.ink);
  const noise = random.uniform(0, RANGE.noise) / 65536;
  canvas.fill(0);
  for (const stroke of glyph) drawStroke(canvas, stroke, radius, place);
  for (let i = 0; i < pixels.length; i += 2) {
    // A word is noise for two pixels: the difference of two halves of 16 bits has a triangular distribution.
    const word = random.word();
    const difference = (word & 0xffff) - (word >>> 16);
    pixels[i] = clampByte(canvas[i]! * ink + noise * difference);
    pixels[i + 1] = clampByte(canvas[i + 1]! * ink - noise * difference);
  }
}

const clampByte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));

/**
 * Draws `count` images of handwritten-like digits, the same ones for the same seed on every machine. Every ten images in a row hold each
 * digit once, in random order.
 *
 * @returns `x`: count * 28 * 28 bytes (0 background, 255 full ink), `y`: count labels 0 to 9.
 * @throws TypeError, RangeError on an option of the wrong kind or size.
 * @example
 *   const train = digits({ count: 10_000, seed: 1 });
 *   const test = digits({ count: 2_000, seed: 1, split: 'test' });
 */
export function digits(options: DigitsOptions = {}): LabelledImages {
  checkOptions('digits', options, ['count', 'seed', 'split']);
  const { count = 10_000, seed = 0, split = 'train' } = options;
  checkInteger('digits', 'count', count, 0, MAX_COUNT);
  checkInteger('digits', 'seed', seed);
  const stream = STREAMS[checkOneOf('digits', 'split', split, ['train', 'test'])];
  const pixels = SIZE * SIZE;
  const x = new Uint8Array(count * pixels);
  const y = new Uint8Array(count);
  const canvas = new Float32Array(pixels);
  for (let i = 0; i < count; i++) {
    if (i % CLASSES === 0) y.set(permutation(CLASSES, seed, stream, i / CLASSES).subarray(0, count - i), i);
    drawDigit(x.subarray(i * pixels, (i + 1) * pixels), canvas, y[i]!, new RandomStream(seed, stream + 1, i));
  }
  return { x, y, count, shape: [SIZE, SIZE, 1], classes: CLASSES };
}
