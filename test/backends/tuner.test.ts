/** The choice of an algorithm for a convolution: by timing, kept in memory and in a file; by sizes alone with STEEPEST_TUNE=0. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Backend, ConvolutionShape } from '../../lib/backends/backend.js';
import { ConvolutionTimer } from '../../lib/backends/convolution-timer.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { kernelSpecs } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { strictTiles, tilesFor, usualTile } from '../../lib/backends/tiles.js';
import { type Choice, keptTile, type Tuning, tune } from '../../lib/backends/tuner.js';
import { cacheFolder, TuningCache } from '../../lib/backends/tuning-cache.js';
import { loadBinding } from '../../lib/binding.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { sequential } from '../../lib/train/model.js';
import { whyNoCpu } from '../helpers/kernels.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { clusters } from '../train/tiny.js';

const folder = temporaryFolder('tuner');

const shape = (sizes: Partial<ConvolutionShape> = {}): ConvolutionShape => ({
  ...{ direction: 'forward', h: 8, w: 8, c: 16, k: 16, r: 3, s: 3, stride: 1, padding: 1, pool: 0, poolStride: 0 },
  ...sizes,
});

const choice = (sizes: Partial<ConvolutionShape> = {}, tiles = [0, 2, 4], usual = 4): Choice => ({
  shape: shape(sizes),
  tiles,
  usual,
});

/** A machine whose clock says what each tile takes an image (1: 10 us), and each transform; it counts the images each tile was run on. */
function machine(perImage: Record<number, number>, transform = 0, slowAt: readonly number[] = []) {
  const kept = new Map<string, number>();
  const images: Record<number, number> = {};
  const state = { now: 0, runs: 0, open: 0 };
  const tuning: Tuning = {
    now: () => state.now,
    cache: { get: (n) => kept.get(n), set: (n, t) => kept.set(n, t) },
    open: async () => {
      state.open++;
      return {
        time: async ({ shape: { direction } }, tile, n) => {
          const times = {
            transform: tile > 0 && direction !== 'filter' ? transform / 100 : 0,
            convolution: (perImage[tile]! * n * (slowAt.includes(state.runs++) ? 10 : 1)) / 100,
          };
          images[tile] = (images[tile] ?? 0) + n;
          state.now += times.transform + times.convolution;
          return times;
        },
        dispose: () => state.open--,
      };
    },
  };
  return { tuning, kept, images, state };
}

async function tuned(one: Choice, { tuning, state }: ReturnType<typeof machine>): Promise<number | undefined> {
  await tune([one], tuning);
  expect(state.open).toBe(0);
  return keptTile(one, tuning.cache);
}

describe('a tuned tile', () => {
  test('is the fastest, whatever is usual', async () => {
    for (const fastest of [0, 2, 4]) {
      const times = { 0: 3, 2: 3, 4: 3, [fastest]: 1 };
      for (const usual of [0, 2, 4])
        for (const direction of ['forward', 'input', 'filter'] as const)
          expect(await tuned(choice({ direction }, [0, 2, 4], usual), machine(times))).toBe(fastest);
    }
  });

  test('stays the usual one where another is hardly faster', async () => {
    expect(await tuned(choice(), machine({ 0: 1, 2: 0.95, 4: 1 }))).toBe(4);
    expect(await tuned(choice(), machine({ 0: 1, 2: 0.85, 4: 1 }))).toBe(2);
  });

  test('pays for the transform of its filter once a batch of 64, but not in the gradient of the filter', async () => {
    const times = { 0: 1, 2: 0.5 };
    expect(await tuned(choice({}, [0, 2], 0), machine(times, 16))).toBe(2);
    expect(await tuned(choice({}, [0, 2], 0), machine(times, 48))).toBe(0);
    expect(await tuned(choice({ direction: 'filter' }, [0, 2], 0), machine(times, 48))).toBe(2);
  });

  test('is found without running what is far behind on all images', async () => {
    const m = machine({ 0: 10, 2: 1.4, 4: 1 });
    await tuned(choice(), m);
    expect(m.images[0]).toBe(32);
    expect(m.images[2]).toBeGreaterThanOrEqual(64);
  });

  test('is found from a quarter of the images where all take long', async () => {
    const m = machine({ 0: 100, 2: 110, 4: 50 });
    expect(await tuned(choice(), m)).toBe(4);
    expect(m.images[4]).toBe(3 * 16);
  });

  test('does not depend on one moment when the machine was busy', async () => {
    for (let moment = 0; moment < 8; moment++)
      expect(await tuned(choice(), machine({ 0: 3, 2: 1.5, 4: 1 }, 0, [moment]))).toBe(4);
  });

  test('is timed once for a shape and its candidates', async () => {
    const m = machine({ 0: 2, 2: 1, 4: 3 });
    expect(await tuned(choice(), m)).toBe(2);
    const { runs } = m.state;
    expect(await tune([choice()], m.tuning)).toBe(false);
    expect(m.state.runs).toBe(runs);
    expect(m.kept.size).toBe(1);
    expect(await tune([choice({}, [0, 4]), choice({ h: 9 })], m.tuning)).toBe(true);
    expect(m.kept.size).toBe(3);
  });

  test('is timed anew where what is kept is none of the candidates', async () => {
    const m = machine({ 0: 2, 2: 1, 4: 3 });
    await tuned(choice(), m);
    for (const name of m.kept.keys()) m.kept.set(name, 3);
    expect(keptTile(choice(), m.tuning.cache)).toBeUndefined();
    expect(await tuned(choice(), m)).toBe(2);
  });

  test('needs no timing where there is one candidate', async () => {
    const m = machine({ 0: 1 });
    expect(await tuned(choice({ stride: 2 }, [0], 0), m)).toBe(0);
    expect([m.kept.size, m.state.runs]).toEqual([0, 0]);
  });

  test('of large images takes few of them, and none where one is too many', async () => {
    const most: number[] = [];
    const m = machine({ 0: 1, 2: 1, 4: 1 });
    const open: Tuning['open'] = (shapes) => {
      most.push(...shapes.map(({ images }) => images));
      return m.tuning.open(shapes);
    };
    const sizes = [
      { h: 32, w: 32, c: 64, k: 64 },
      { h: 4096, w: 4096 },
      { c: 8192, k: 8192 },
    ];
    expect(
      await tune(
        sizes.map((some) => choice(some)),
        { ...m.tuning, open },
      ),
    ).toBe(true);
    expect(most).toEqual([16]);
    expect(m.kept.size).toBe(1);
  });
});

describe('tuning', () => {
  const three = [16, 32, 48].map((k) => choice({ k }));
  const ofK = (m: ReturnType<typeof machine>) =>
    three.filter((one) => keptTile(one, m.tuning.cache) !== undefined).map(({ shape }) => shape.k);

  test('takes half a second at most, for what has most work; another time for the rest', async () => {
    const m = machine({ 0: 600, 2: 660, 4: 300 });
    const calls = [...three, three[0]!, three[0]!, three[0]!]; // 64, 32 and 48
    expect(await tune(calls, m.tuning)).toBe(true);
    expect(ofK(m)).toEqual([16, 48]);
    expect(m.state.now).toBeLessThan(700);
    expect(await tune(calls, m.tuning)).toBe(true);
    expect(ofK(m)).toEqual([16, 32, 48]);
    expect(await tune(calls, m.tuning)).toBe(false);
  });

  test('gives up after a second and a half: a busy machine keeps nothing', async () => {
    const m = machine({ 0: 4000, 2: 4000, 4: 4000 });
    expect(await tune(three, m.tuning)).toBe(false);
    expect(m.state.now).toBeLessThan(2500);
    expect([m.kept.size, m.state.runs, m.state.open]).toEqual([0, 3, 0]);
  });

  test('ends with the signal', async () => {
    const m = machine({ 0: 1, 2: 1, 4: 1 });
    const control = new AbortController();
    const open: Tuning['open'] = async (shapes) => {
      const timer = await m.tuning.open(shapes);
      const time: typeof timer.time = (...some) => {
        if (m.state.runs === 12) control.abort();
        return timer.time(...some);
      };
      return { ...timer, time };
    };
    expect(await tune(three, { ...m.tuning, open, signal: control.signal })).toBe(true);
    expect([m.kept.size, m.state.runs, m.state.open]).toEqual([1, 13, 0]);
    expect(await tune(three, { ...m.tuning, signal: AbortSignal.abort() })).toBe(false);
  });

  test('is one at a time, and the next finds what it wanted', async () => {
    const m = machine({ 0: 1, 2: 1, 4: 1 });
    expect(await Promise.all([tune(three, m.tuning), tune(three, m.tuning)])).toEqual([true, true]);
    const alone = machine({ 0: 1, 2: 1, 4: 1 });
    await tune(three, alone.tuning);
    expect(m.state.runs).toBe(alone.state.runs);
  });

  test('that fails rejects, frees its memory, and is no hindrance to the next', async () => {
    const m = machine({ 0: 1, 2: 1, 4: 1 });
    const open: Tuning['open'] = async (shapes) => ({
      ...(await m.tuning.open(shapes)),
      time: () => Promise.reject(new Error('broken')),
    });
    await expect(tune(three, { ...m.tuning, open })).rejects.toThrow('broken');
    expect(m.state.open).toBe(0);
    expect(await tune(three, m.tuning)).toBe(true);
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
    expect((new ReferenceBackend() as Backend).tune).toBeUndefined();
    expect(process.env.STEEPEST_TUNE).toBe('0');
  });
});

describe.skipIf(whyNoCpu !== undefined || process.platform !== 'linux')('on the cpu', () => {
  const home = mkdtempSync(join(folder, 'home-'));
  const { XDG_CACHE_HOME: former } = process.env;
  const tuning = () => {
    process.env.STEEPEST_TUNE = '1';
    process.env.XDG_CACHE_HOME = home;
  };
  afterEach(() => {
    process.env.STEEPEST_TUNE = '0';
    if (former === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = former;
  });
  const backend = (strict = false) => createCpuBackend({ threads: 1, strict });
  const small = { h: 6, w: 6 };
  const shapes = (sizes: Partial<ConvolutionShape>, pools = [0]) =>
    (['forward', 'input', 'filter'] as const).flatMap((direction) =>
      pools.map((pool) => shape({ ...sizes, direction, pool, poolStride: pool })),
    );
  /** On a busy machine it takes more than one time. */
  const tuneAll = async (device: Backend, some: readonly ConvolutionShape[]) => {
    for (let time = 0; time < 20; time++) await device.tune!(some);
  };

  test('STEEPEST_TUNE=0 takes the usual tile, and writes nothing', async () => {
    process.env.XDG_CACHE_HOME = home;
    expect(await backend().tune!([shape(small)])).toBe(false);
    expect(backend().chooseTile!(shape(small))).toBe(4);
    expect(backend(true).chooseTile!(shape(small))).toBe(2);
    expect(readdirSync(home)).toEqual([]);
  });

  test('else the kernels are timed, with pooling and without, and the choice is kept; nothing else is', async () => {
    tuning();
    const name = () => join(home, 'steepest', readdirSync(join(home, 'steepest'))[0]!);
    const kept = () => JSON.parse(readFileSync(name(), 'utf8')).choices as Record<string, number>;
    const some = shapes(small, [0, 2]);
    expect(some.map((one) => backend().chooseTile!(one))).toEqual([4, 4, 4, 4, 4, 4]);
    expect(readdirSync(home)).toEqual([]);
    const { memory } = loadBinding().binding!;
    const before = memory();
    await tuneAll(backend(), some);
    const after = memory(); // less where models of other tests have been collected meanwhile
    for (const of of ['bytes', 'storages', 'plans'] as const) expect(after[of]).toBeLessThanOrEqual(before[of]);
    const chosen = some.map((one) => backend().chooseTile!(one));
    expect(Object.keys(kept())).toHaveLength(6);
    expect(chosen.toSorted()).toEqual(Object.values(kept()).toSorted());
    await tuneAll(backend(true), some.slice(0, 1));
    expect(backend(true).chooseTile!(some[0]!)).toBeLessThan(4);
    expect(Object.keys(kept())).toHaveLength(7);
    expect(await backend().tune!(some)).toBe(false);
  });

  test('times are those of the calls: of each direction and tile, and of a transform', async () => {
    const timed = shapes(small, [0, 2]).map((shape) => ({ shape, tiles: [0, 2, 4], images: 8 }));
    const timer = await ConvolutionTimer.open(backend(), timed);
    for (const one of timed)
      for (const tile of one.tiles) {
        const { transform, convolution } = await timer.time(one, tile, 5);
        expect(convolution).toBeGreaterThan(0);
        expect(transform > 0).toBe(tile > 0 && one.shape.direction !== 'filter');
      }
    timer.dispose();
  });

  test('a tuned model learns the same bits again, whatever the threads and however large a batch of predictions', async () => {
    tuning();
    await tuneAll(backend(), shapes({ c: 16, k: 32 }));
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
