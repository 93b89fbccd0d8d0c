/** The choice of an algorithm for a convolution: by timing, kept in memory and in a file; by sizes alone with STEEPEST_TUNE=0. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Backend, ConvolutionShape } from '../../lib/backends/backend.js';
import { kernelSpecs } from '../../lib/backends/kernels.js';
import { createCpuBackend } from '../../lib/backends/native.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { strictTiles, tilesFor, usualTile } from '../../lib/backends/tiles.js';
import { tunedTile } from '../../lib/backends/tuner.js';
import { cacheFolder, TuningCache } from '../../lib/backends/tuning-cache.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { sequential } from '../../lib/train/model.js';
import { whyNoCpu } from '../helpers/kernels.js';
import { clusters } from '../train/tiny.js';

const folder = mkdtempSync(join(tmpdir(), 'tuner-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shape = (sizes: Partial<ConvolutionShape> = {}): ConvolutionShape => ({
  ...{ direction: 'forward', h: 8, w: 8, c: 16, k: 16, r: 3, s: 3, stride: 1, padding: 1, pool: 0, poolStride: 0 },
  ...sizes,
});

/** A machine whose clock says what each tile takes an image, and each transform; it counts the images each tile was run on. */
function machine(perImage: Record<number, number>, transform = 0, slowAt: readonly number[] = []) {
  const kept = new Map<string, number>();
  const images: Record<number, number> = {};
  let now = 0;
  let runs = 0;
  const run: Backend['runKernel'] = (kernel, buffers, ints) => {
    const named = Object.fromEntries(kernelSpecs[kernel].ints.map((name, i) => [name, ints[i]!]));
    for (const [i, { name, optional, length }] of kernelSpecs[kernel].buffers.entries())
      if (!optional || (name === 'u' && named.tile! > 0))
        expect(buffers[i]!.length).toBeGreaterThanOrEqual(length(named));
    if (kernel === 'winograd_filter_forward') {
      now += transform;
      return;
    }
    images[named.tile!] = (images[named.tile!] ?? 0) + named.n!;
    now += perImage[named.tile!]! * named.n! * (slowAt.includes(runs++) ? 10 : 1);
  };
  return {
    run,
    now: () => now,
    cache: { get: (n: string) => kept.get(n), set: (n: string, t: number) => kept.set(n, t) },
    kept,
    images,
  };
}

describe('a tuned tile', () => {
  test('is the fastest, whatever is usual', () => {
    for (const fastest of [0, 2, 4]) {
      const times = { 0: 3, 2: 3, 4: 3, [fastest]: 1 };
      for (const usual of [0, 2, 4])
        for (const direction of ['forward', 'input', 'filter'] as const)
          expect(tunedTile(shape({ direction }), [0, 2, 4], usual, machine(times))).toBe(fastest);
    }
  });

  test('stays the usual one where another is hardly faster', () => {
    expect(tunedTile(shape(), [0, 2, 4], 4, machine({ 0: 1, 2: 0.95, 4: 1 }))).toBe(4);
    expect(tunedTile(shape(), [0, 2, 4], 4, machine({ 0: 1, 2: 0.85, 4: 1 }))).toBe(2);
  });

  test('pays for the transform of its filter once a batch of 64, but not in the gradient of the filter', () => {
    const times = { 0: 1, 2: 0.5 };
    expect(tunedTile(shape(), [0, 2], 0, machine(times, 16))).toBe(2);
    expect(tunedTile(shape(), [0, 2], 0, machine(times, 48))).toBe(0);
    expect(tunedTile(shape({ direction: 'filter' }), [0, 2], 0, machine(times, 48))).toBe(2);
  });

  test('is found without running what is far behind on all images', () => {
    const { images, ...tuning } = machine({ 0: 10, 2: 1.4, 4: 1 });
    tunedTile(shape(), [0, 2, 4], 4, tuning);
    expect(images[0]).toBe(32);
    expect(images[2]).toBeGreaterThanOrEqual(64);
  });

  test('does not depend on one moment when the machine was busy', () => {
    for (let moment = 0; moment < 8; moment++)
      expect(tunedTile(shape(), [0, 2, 4], 4, machine({ 0: 3, 2: 1.5, 4: 1 }, 0, [moment]))).toBe(4);
  });

  test('is timed once for a shape and its candidates', () => {
    const { kept, images, ...tuning } = machine({ 0: 2, 2: 1, 4: 3 });
    expect(tunedTile(shape(), [0, 2, 4], 4, tuning)).toBe(2);
    const before = { ...images };
    expect(tunedTile(shape(), [0, 2, 4], 4, tuning)).toBe(2);
    expect(images).toEqual(before);
    expect(kept.size).toBe(1);
    tunedTile(shape(), [0, 4], 4, tuning);
    tunedTile(shape({ h: 9 }), [0, 2, 4], 4, tuning);
    expect(kept.size).toBe(3);
  });

  test('is timed anew where what is kept is none of the candidates', () => {
    const { kept, ...tuning } = machine({ 0: 2, 2: 1, 4: 3 });
    tunedTile(shape(), [0, 2, 4], 4, tuning);
    for (const name of kept.keys()) kept.set(name, 3);
    expect(tunedTile(shape(), [0, 2, 4], 4, tuning)).toBe(2);
  });

  test('needs no timing where there is one candidate', () => {
    const { kept, images, ...tuning } = machine({ 0: 1 });
    expect(tunedTile(shape({ stride: 2 }), [0], 0, tuning)).toBe(0);
    expect([kept.size, images]).toEqual([0, {}]);
  });

  test('of large images takes one image, and few of deep filters', () => {
    const large = machine({ 0: 1, 2: 1, 4: 1 });
    const flops = 2 * 512 * 512 * 256 * 256 * 9;
    expect(flops).toBeGreaterThan(2.5e9);
    const timing: number[] = [];
    const run: Backend['runKernel'] = (kernel, buffers, ints, reals) => {
      if (kernel === 'conv2d_forward') timing.push(ints[0]!);
      if (kernel === 'conv2d_forward') expect(ints[0]).toBeLessThanOrEqual(16);
      large.run(kernel, buffers, ints, reals);
    };
    tunedTile(shape({ h: 32, w: 32, c: 64, k: 64 }), [0, 2, 4], 4, { ...large, run });
    expect(Math.max(...timing)).toBe(16);
  });
});

describe('the cache', () => {
  const self = { steepest: '1.2.3', isa: 'avx2', cpu: 'Some CPU (R) 42' };
  const fresh = () => mkdtempSync(join(folder, 'cache-'));
  const only = (dir: string) => join(dir, readdirSync(dir)[0]!);

  test('outlives its process, in one file and nothing else', () => {
    const dir = join(fresh(), 'not', 'there');
    const cache = new TuningCache(self, () => dir);
    expect(cache.get('a')).toBeUndefined();
    cache.set('a', 2);
    cache.set('b', 4);
    expect(readdirSync(dir)).toEqual(['tiles-1.2.3-avx2-Some-CPU-R-42.json']);
    const later = new TuningCache(self, () => dir);
    expect([later.get('a'), later.get('b'), later.get('c')]).toEqual([2, 4, undefined]);
  });

  test('keeps what other processes write meanwhile', () => {
    const dir = fresh();
    const [one, two] = [new TuningCache(self, () => dir), new TuningCache(self, () => dir)];
    one.get('a');
    two.set('a', 2);
    one.set('b', 4);
    const later = new TuningCache(self, () => dir);
    expect([later.get('a'), later.get('b')]).toEqual([2, 4]);
  });

  test.each([
    ['damaged', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['something else', () => '[]'],
    ['null', () => 'null'],
    ['without choices', () => JSON.stringify(self)],
    ['of another version', (text: string) => text.replace('1.2.3', '1.2.4')],
    ['of another instruction set', (text: string) => text.replace('avx2', 'avx512')],
    ['of another processor', (text: string) => text.replace('42', '43')],
  ])('takes a file that is %s for none, and rewrites it', (_, change) => {
    const dir = fresh();
    new TuningCache(self, () => dir).set('a', 2);
    writeFileSync(only(dir), change(readFileSync(only(dir), 'utf8')));
    const cache = new TuningCache(self, () => dir);
    expect(cache.get('a')).toBeUndefined();
    cache.set('b', 4);
    expect(readdirSync(dir)).toHaveLength(1);
    const later = new TuningCache(self, () => dir);
    expect([later.get('a'), later.get('b')]).toEqual([undefined, 4]);
  });

  test('lasts as long as the process where nothing can be written', () => {
    const file = join(fresh(), 'file');
    writeFileSync(file, '');
    const locked = fresh();
    chmodSync(locked, 0o500); // does not stop root, who then writes: no error either way
    const folders = [
      () => join(file, 'below'),
      () => locked,
      () => {
        throw new Error('no home');
      },
    ];
    for (const where of folders) {
      const cache = new TuningCache(self, where);
      cache.set('a', 2);
      expect(cache.get('a')).toBe(2);
    }
    chmodSync(locked, 0o700);
  });

  test('leaves no temporary file where the last step fails', () => {
    const dir = fresh();
    mkdirSync(join(dir, 'tiles-1.2.3-avx2-Some-CPU-R-42.json', 'full'), { recursive: true });
    const cache = new TuningCache(self, () => dir);
    cache.set('a', 2);
    expect(cache.get('a')).toBe(2);
    expect(readdirSync(dir)).toHaveLength(1);
  });

  test("is where the system keeps a user's caches", () => {
    expect(cacheFolder('linux', {}, '/home/me')).toBe('/home/me/.cache/steepest');
    expect(cacheFolder('linux', { XDG_CACHE_HOME: '/var/c' }, '/home/me')).toBe('/var/c/steepest');
    expect(cacheFolder('linux', { XDG_CACHE_HOME: 'relative' }, '/home/me')).toBe('/home/me/.cache/steepest');
    expect(cacheFolder('darwin', { XDG_CACHE_HOME: '/var/c' }, '/Users/me')).toBe('/Users/me/Library/Caches/steepest');
    expect(cacheFolder('win32', { LOCALAPPDATA: '/local' }, '/me')).toBe(join('/local', 'steepest'));
    expect(cacheFolder('win32', {}, '/me')).toBe(join('/me', 'AppData', 'Local', 'steepest'));
  });
});

describe('by sizes alone', () => {
  test('the usual tile is the largest that an image fills, and a strict one below 4', () => {
    const usual = (sizes: Partial<ConvolutionShape>, strict = false) => {
      const tiles = tilesFor(shape(sizes));
      return usualTile(shape(sizes), strict ? strictTiles(tiles) : tiles);
    };
    expect([usual({}), usual({ h: 2, w: 2 }), usual({ h: 2 }), usual({ stride: 2 }), usual({ c: 24 })]).toEqual([
      4, 0, 2, 0, 0,
    ]);
    expect([usual({ c: 3 }), usual({ c: 3, direction: 'input' })]).toEqual([4, 0]);
    expect([usual({}, true), usual({ r: 5, s: 5 }, true), usual({ c: 24 }, true)]).toEqual([2, 2, 0]);
  });

  test('the reference has no tiles, and tests do not tune', () => {
    expect((new ReferenceBackend() as Backend).chooseTile).toBeUndefined();
    expect(process.env.STEEPEST_TUNE).toBe('0');
  });
});

describe.skipIf(whyNoCpu !== undefined || process.platform !== 'linux')('on the cpu', () => {
  const home = mkdtempSync(join(folder, 'home-'));
  const { XDG_CACHE_HOME: former } = process.env;
  const tune = () => {
    process.env.STEEPEST_TUNE = '1';
    process.env.XDG_CACHE_HOME = home;
  };
  afterEach(() => {
    process.env.STEEPEST_TUNE = '0';
    if (former === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = former;
  });
  const choose = (strict: boolean, sizes: Partial<ConvolutionShape>) =>
    createCpuBackend({ threads: 1, strict }).chooseTile!(shape(sizes));

  test('STEEPEST_TUNE=0 takes the usual tile, and writes nothing', () => {
    process.env.XDG_CACHE_HOME = home;
    expect(choose(false, { h: 6, w: 6 })).toBe(4);
    expect(choose(true, { h: 6, w: 6 })).toBe(2);
    expect(readdirSync(home)).toEqual([]);
  });

  test('else the kernels are timed, with pooling and without, and the choice is kept', () => {
    tune();
    const name = () => join(home, 'steepest', readdirSync(join(home, 'steepest'))[0]!);
    const kept = () => Object.values(JSON.parse(readFileSync(name(), 'utf8')).choices as object);
    const chosen = (['forward', 'input', 'filter'] as const).flatMap((direction) =>
      [0, 2].map((pool) => choose(false, { direction, h: 6, w: 6, pool, poolStride: pool })),
    );
    expect(chosen.every((tile) => [0, 2, 4].includes(tile))).toBe(true);
    expect(kept()).toEqual(chosen);
    expect(choose(true, { h: 6, w: 6 })).toBeLessThan(4);
    expect(kept()).toHaveLength(7);
    expect(choose(false, { direction: 'forward', h: 6, w: 6 })).toBe(chosen[0]);
    expect(kept()).toHaveLength(7);
  });

  test('a tuned model learns the same bits again, whatever the threads and however large a batch of predictions', async () => {
    tune();
    const { x, y } = clusters(48, 64);
    const train = async (threads: number) => {
      const net = sequential({ inputShape: [8, 8, 1], seed: 1, device: 'cpu', threads }, [
        conv2d({ filters: 16, kernelSize: 3, padding: 1, activation: 'relu' }),
        conv2d({ filters: 32, kernelSize: 3, padding: 1 }),
        flatten(),
        dense({ units: 3 }),
      ]);
      const { epochs } = await net.fit({ x, y }, { epochs: 2, batchSize: 16 });
      const outputs = [await net.predict(x, { batchSize: 3 }), await net.predict(x, { batchSize: 48 })];
      expect(outputs[0]).toEqual(outputs[1]);
      net.dispose();
      return [epochs.map(({ trainLoss }) => trainLoss), outputs[0]];
    };
    const one = await train(1);
    expect(await train(2)).toEqual(one);
    expect(await train(3)).toEqual(one);
  });
});

describe.skipIf(whyNoCpu !== undefined)("precision 'strict'", () => {
  const net = (options: object) =>
    sequential({ inputShape: [8, 8, 16], device: 'cpu', ...options }, [
      conv2d({ filters: 16, kernelSize: 3, padding: 1 }),
      flatten(),
      dense({ units: 3 }),
    ]);
  const tiles = (options: object) => {
    const { plan } = net(options).plan();
    return plan.calls.flatMap(({ kernel, ints }) =>
      kernel.startsWith('conv2d') ? ints[kernelSpecs[kernel].ints.indexOf('tile')]!.fixed : [],
    );
  };

  test('leaves out the tiles of 4', () => {
    expect(tiles({})).toEqual([4, 4]);
    expect(tiles({ precision: 'fp32' })).toEqual([4, 4]);
    expect(tiles({ precision: 'float32' })).toEqual([4, 4]);
    expect(tiles({ precision: 'strict' })).toEqual([2, 2]);
    expect(net({ precision: 'strict', threads: 1 }).device.description).toMatch(/1 thread, strict\)$/);
  });

  test('is closer to float64', async () => {
    const x = clusters(8, 1024).x;
    const exact = await net({ device: 'reference', precision: 'float64', seed: 3 }).predict(x);
    const error = async (precision: string) => {
      const y = await net({ precision, seed: 3 }).predict(x);
      return Math.sqrt([...y].reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0));
    };
    expect(await error('strict')).toBeLessThan(await error('fp32'));
  });
});
