/** Augmentations against plain definitions of them, and what chance may depend on. */
import { describe, expect, it } from 'vitest';
import type { Pixels, Plane } from '../../lib/data/augment/augmentation.js';
import * as augment from '../../lib/data/augment/public.js';
import { applyRotate } from '../../lib/data/augment/rotate.js';
import { augmentRows } from '../../lib/data/augment/rows.js';
import { pipeline } from '../../lib/data/pipeline.js';
import { RandomStream } from '../../lib/random.js';

type Shape = readonly [number, number, number];
const shape: Shape = [5, 4, 3];
const size = 60;
const random = new RandomStream(9, 0);
const bytes = (rows: number) => Uint8Array.from({ length: rows * size }, () => random.below(256));
const chance = { seed: 1, epoch: 0, first: 0 };
/** What becomes of rows; they stay as they are. */
const augmented = (x: Pixels, ...steps: augment.Augmentation[]) => augmentRows(x.slice(), shape, steps, chance);
const row = (x: Pixels, i: number) => [...x.subarray(i * size, (i + 1) * size)];
/** An image made pixel by pixel; `from` gives the place of a value in the old one, or undefined for `fill`. */
const made = (x: readonly number[], from: (y: number, x: number) => [number, number], fill = 0, [h, w, c] = shape) =>
  Array.from({ length: h * w * c }, (_, i) => {
    const [oldY, oldX] = from(Math.floor(i / (w * c)), Math.floor(i / c) % w);
    return oldY < 0 || oldX < 0 || oldY >= h || oldX >= w ? fill : x[(oldY * w + oldX) * c + (i % c)]!;
  });

describe('flip', () => {
  it('mirrors', () => {
    const x = bytes(3);
    const across = augmented(x, augment.flip({ probability: 1 }));
    const down = augmented(x, augment.flip({ probability: 1, axis: 'vertical' }));
    for (const i of [0, 1, 2]) {
      expect(row(across, i)).toEqual(made(row(x, i), (y, x) => [y, 3 - x]));
      expect(row(down, i)).toEqual(made(row(x, i), (y, x) => [4 - y, x]));
    }
    expect(augmented(x, augment.flip({ probability: 0 }))).toEqual(x);
  });

  it('does so half of the time', () => {
    const x = bytes(1000);
    const flipped = augmented(x, augment.flip());
    const changed = Array.from({ length: 1000 }, (_, i) => row(flipped, i).join() !== row(x, i).join());
    expect(Math.abs(changed.filter(Boolean).length - 500)).toBeLessThan(75); // 4.7 deviations
  });
});

describe('cropPadded', () => {
  it.each([0, 1, 2, 3, 7])('shifts by up to %d pixels, each way equally often, and fills', (padding) => {
    const places = (2 * padding + 1) ** 2;
    const rows = 40 * places;
    const x = Float32Array.from({ length: rows * size }, (_, i) => 1 + (i % size));
    const shifted = augmented(x, augment.cropPadded(padding, { fill: -7 }));
    const old = row(x, 0);
    const expected = new Map<string, number>();
    for (let down = -padding; down <= padding; down++)
      for (let right = -padding; right <= padding; right++) {
        const image = made(old, (y, x) => [y + down, x + right], -7).join();
        expected.set(image, (expected.get(image) ?? 0) + 40);
      }
    const counts = new Map<string, number>();
    for (let i = 0; i < rows; i++) counts.set(row(shifted, i).join(), (counts.get(row(shifted, i).join()) ?? 0) + 1);
    expect(new Set(counts.keys())).toEqual(new Set(expected.keys()));
    for (const [image, count] of counts) {
      const mean = expected.get(image)!;
      expect(Math.abs(count - mean)).toBeLessThan(5 * Math.sqrt(mean));
    }
  });
});

describe('rotate', () => {
  const square: Shape = [6, 6, 2];
  const plane = (pixels: Pixels, [height, width, channels]: Shape): Plane => ({
    ...{ height, width, channels, pixels },
    spare: pixels.slice(),
  });
  const turned = (x: Pixels, by: number, fill = 0, of = square) => {
    const pixels = x.slice();
    const drawn = { uniform: () => by } as unknown as RandomStream;
    applyRotate(plane(pixels, of), { name: 'rotate', degrees: 180, fill }, drawn);
    return pixels;
  };
  const x = Uint8Array.from({ length: 72 }, (_, i) => (i * 31) & 255);

  it('by quarters of a circle moves pixels alone', () => {
    expect(turned(x, 0)).toEqual(x);
    expect([...turned(x, 90)]).toEqual(made([...x], (y, x) => [5 - x, y], 0, square));
    expect([...turned(x, 180)]).toEqual(made([...x], (y, x) => [5 - y, 5 - x], 0, square));
    expect([...turned(x, -90)]).toEqual(made([...x], (y, x) => [x, 5 - y], 0, square));
  });

  it('by any angle interpolates, with the fill outside', () => {
    const real = Float64Array.from({ length: size }, (_, i) => Math.sin(i));
    for (const angle of [3, -37, 120.5]) {
      const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
      const expected = Array.from({ length: size }, (_, i) => {
        const [y, x, c] = [Math.floor(i / 12) - 2, (Math.floor(i / 3) % 4) - 1.5, i % 3];
        const [oldX, oldY] = [cos * x + sin * y + 1.5, -sin * x + cos * y + 2];
        let value = 0;
        for (let row = -1; row <= 5; row++)
          for (let column = -1; column <= 4; column++) {
            const near = Math.max(0, 1 - Math.abs(row - oldY)) * Math.max(0, 1 - Math.abs(column - oldX));
            const inside = row >= 0 && column >= 0 && row < 5 && column < 4;
            value += near * (inside ? real[(row * 4 + column) * 3 + c]! : 0.25);
          }
        // Beyond the border's border all is fill, which the sum above leaves out.
        const reached = oldX > -1 && oldX < 4 && oldY > -1 && oldY < 5;
        return reached ? value : 0.25;
      });
      const result = turned(real, angle, 0.25, shape);
      for (const [i, value] of expected.entries())
        expect(Math.abs(result[i]! - value), `${angle}: ${i}`).toBeLessThan(1e-12);
      const rounded = turned(
        Uint8Array.from(real, (v) => 128 + 100 * v),
        angle,
        153,
        shape,
      );
      for (const [i, value] of expected.entries())
        expect(Math.abs(rounded[i]! - (128 + 100 * value))).toBeLessThan(1.6);
    }
  });

  it('draws angles from all of the range', () => {
    const marks = new Float32Array(200 * size).map((_, i) => (i % size === 3 * 10 + 2 ? 1 : 0));
    const spread = augmented(marks, augment.rotate(45));
    const kept = Array.from({ length: 200 }, (_, i) => spread[i * size + 32]!);
    expect(Math.max(...kept)).toBeGreaterThan(0.95);
    expect(Math.min(...kept)).toBeLessThan(0.6);
    expect(augmented(marks, augment.rotate(0))).toEqual(marks);
  });
});

describe('cutout', () => {
  it('fills a square round any pixel, cut off at the edges', () => {
    const rows = 4000;
    const x = new Uint8Array(rows * size).fill(9);
    const result = augmented(x, augment.cutout(3, { fill: 300 }));
    const counts = new Map<string, number>();
    for (let i = 0; i < rows; i++) counts.set(row(result, i).join(), (counts.get(row(result, i).join()) ?? 0) + 1);
    const expected = Array.from({ length: 20 }, (_, centre) => {
      const [centreY, centreX] = [Math.floor(centre / 4), centre % 4];
      const near = (y: number, x: number) => Math.abs(y - centreY) <= 1 && Math.abs(x - centreX) <= 1;
      return Array.from({ length: size }, (_, i) => (near(Math.floor(i / 12), Math.floor(i / 3) % 4) ? 255 : 9)).join();
    });
    expect([...counts.keys()].toSorted()).toEqual(expected.toSorted());
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(70);
  });
});

describe('brightness', () => {
  it('multiplies by a factor of the range, bytes up to 255', () => {
    const real = augmented(new Float32Array(500 * size).fill(1), augment.brightness(0.3));
    const factors = Array.from({ length: 500 }, (_, i) => real[i * size]!);
    for (let i = 0; i < real.length; i++) expect(real[i]).toBe(factors[Math.floor(i / size)]);
    expect(Math.min(...factors)).toBeLessThan(0.71);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.7 - 1e-6);
    expect(Math.max(...factors)).toBeGreaterThan(1.29);
    const full = augmented(new Uint8Array(500 * size).fill(240), augment.brightness(0.3));
    for (const [i, factor] of factors.entries()) expect(full[i * size]).toBe(Math.min(255, Math.round(240 * factor)));
  });
});

describe('normalize', () => {
  const options = { mean: [0.5, 0.25, 0], std: [0.5, 1, 2] };
  it('brings bytes, as parts of 255, and numbers to mean 0 and deviation 1', () => {
    const x = bytes(2);
    const expected = Float32Array.from(x, (v, i) => (v / 255 - options.mean[i % 3]!) / options.std[i % 3]!);
    const result = augmented(x, augment.normalize(options));
    expect(result).toBeInstanceOf(Float32Array);
    for (const [i, value] of expected.entries()) expect(result[i]).toBeCloseTo(value, 6);
    const real = augmented(
      Float64Array.from(x, (v) => v / 255),
      augment.normalize(options),
    );
    for (const [i, value] of expected.entries()) expect(real[i]).toBeCloseTo(value, 6);
    const grey = augmented(x, augment.normalize({ mean: 0.5, std: 0.25 }));
    for (const [i, value] of x.entries()) expect(grey[i]).toBeCloseTo((value / 255 - 0.5) / 0.25, 5);
  });

  it('may stand anywhere: what comes later sees numbers', () => {
    const x = bytes(4).map((value) => Math.max(1, value));
    const cuts = [augment.cropPadded(2), augment.cutout(2)];
    const numbers = augmented(x, augment.flip(), augment.normalize(options), ...cuts);
    const cut = augmented(x, augment.flip(), ...cuts); // 0 where and only where it was filled
    for (const [i, value] of cut.entries())
      if (value === 0) expect(numbers[i]).toBe(0);
      else expect(numbers[i]).toBeCloseTo((value / 255 - options.mean[i % 3]!) / options.std[i % 3]!, 6);
    expect(cut.filter((value: number) => value === 0).length).toBeGreaterThan(10);
  });
});

describe('chance', () => {
  const steps = [augment.flip(), augment.cropPadded(2), augment.rotate(20), augment.brightness(0.2), augment.cutout(2)];
  const x = bytes(10);
  const of = (rows: Pixels, seed: number, epoch: number, first: number) =>
    augmentRows(rows.slice(), shape, steps, { seed, epoch, first });

  it('depends on the seed, the epoch and the number of the image, and on nothing else', () => {
    const whole = of(x, 1, 2, 0);
    expect(of(x, 1, 2, 0)).toEqual(whole);
    for (let i = 0; i < 10; i++)
      expect(of(x.subarray(i * size, (i + 1) * size), 1, 2, i)).toEqual(whole.subarray(i * size, (i + 1) * size));
    const same = (other: Pixels) => Array.from({ length: 10 }, (_, i) => row(other, i).join() === row(whole, i).join());
    for (const other of [of(x, 2, 2, 0), of(x, 1, 3, 0), of(x, 1, 2, 1)])
      expect(same(other).filter(Boolean).length).toBeLessThan(2);
  });

  it('gives every image of a pipeline its own, whatever the batches', async () => {
    const data = { x, y: new Uint8Array(10), shape };
    const all = async (batch: number, epoch: number) => {
      const parts: number[] = [];
      for await (const { x } of pipeline(data).batch(batch, { augment: steps, seed: 1, workers: 0 }).epoch(epoch))
        parts.push(...(x as Uint8Array));
      return parts;
    };
    expect(await all(3, 2)).toEqual([...of(x, 1, 2, 0)]);
    expect(await all(10, 2)).toEqual(await all(3, 2));
    expect(await all(3, 1)).not.toEqual(await all(3, 2));
    expect([...data.x]).toEqual([...x]);
  });
});

describe('wrong use', () => {
  it('of augmentations is refused', () => {
    expect(() => augment.flip({ probability: 2 })).toThrow(/flip: expected a number in \[0, 1\] for probability/);
    expect(() => augment.flip({ axis: 'both' as never })).toThrow(RangeError);
    expect(() => augment.flip({ chance: 1 } as never)).toThrow(TypeError);
    expect(() => augment.cropPadded(-1)).toThrow(RangeError);
    expect(() => augment.cropPadded(4, { fill: Number.NaN })).toThrow(RangeError);
    expect(() => augment.rotate('10' as never)).toThrow(TypeError);
    expect(() => augment.rotate(181)).toThrow(RangeError);
    expect(() => augment.cutout(0)).toThrow(RangeError);
    expect(() => augment.brightness(1.5)).toThrow(RangeError);
    expect(() => augment.normalize({ mean: 0, std: 0 })).toThrow(/normalize: expected a number in \(0, /);
    expect(() => augment.normalize({ mean: [0.5, Number.NaN], std: 1 })).toThrow(/for mean\[1\]/);
    expect(() => augment.normalize({ mean: [], std: 1 })).toThrow(TypeError);
    expect(() => augment.normalize(undefined as never)).toThrow(TypeError);
  });

  it('in batches is refused', async () => {
    const first = async (data: object, steps: unknown, workers = 0) => {
      for await (const batch of pipeline(data as never).batch(2, { augment: steps as never, workers })) return batch;
      return undefined;
    };
    const images = { x: bytes(2), y: [0, 1], shape };
    await expect(first(images, augment.flip())).rejects.toThrow(/an array of augmentations for augment/);
    await expect(first(images, [{ name: 'flip', axis: 'horizontal', probability: 1 }])).rejects.toThrow(
      /batch: expected what augment.flip\(\) and its like make for augment\[0\]/,
    );
    await expect(first({ ...images, shape: [size] }, [augment.flip()])).rejects.toThrow(
      /shape \[height, width, channels\]/,
    );
    await expect(first({ ...images, x: Int16Array.from(images.x) }, [augment.flip()])).rejects.toThrow(
      /a Uint8Array, Float/,
    );
    const two = augment.normalize({ mean: [0, 1], std: 1 });
    await expect(first(images, [two])).rejects.toThrow(/normalize has 2 values of mean, but images have 3 channels/);
    for (const workers of [-1, 0.5, 65]) await expect(first(images, [], workers)).rejects.toThrow(RangeError);
  });
});
