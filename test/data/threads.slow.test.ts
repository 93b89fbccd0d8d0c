/** Threads of data: the same bits by any number of them, errors that cross over, and nothing of them left when their work is done. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import * as augment from '../../lib/data/augment/public.js';
import { imageFiles } from '../../lib/data/image-files.js';
import { imageFolder } from '../../lib/data/image-folder.js';
import { pipeline } from '../../lib/data/pipeline.js';
import { ahead, threadCount } from '../../lib/data/threads.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { sequential } from '../../lib/train/model.js';
import { jpeg } from '../helpers/jpeg.js';
import { temporaryFolder } from '../helpers/temporary.js';

const root = temporaryFolder('threads');
const files = (dir: string, count: number) => {
  for (const [label, name] of ['a', 'b'].entries()) {
    mkdirSync(join(root, dir, name), { recursive: true });
    for (let i = 0; i < count; i++)
      writeFileSync(
        join(root, dir, name, `${String(i).padStart(4, '0')}.jpg`),
        jpeg([(i + 7 * label) % 256, i % 256, 128]),
      );
  }
  return join(root, dir);
};
async function all<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const element of elements) list.push(element);
  return list;
}

const steps = [augment.flip(), augment.cropPadded(2), augment.rotate(15), augment.normalize({ mean: 0.5, std: 0.25 })];
const data = {
  x: Uint8Array.from({ length: 100 * 192 }, (_, i) => (i * 31 + (i >> 5)) & 255),
  y: Uint8Array.from({ length: 100 }, (_, i) => i % 3),
  shape: [8, 8, 3],
};

describe('threads', () => {
  it('augment to the same bits, however many there are', async () => {
    const by = (workers: number) => pipeline(data).shuffle({ seed: 3 }).batch(7, { augment: steps, seed: 1, workers });
    const expected = await all(by(0).epoch(1));
    expect(expected.map(({ y }) => y.length)).toEqual([...new Array(14).fill(7), 2]);
    for (const workers of [1, 2, 3]) expect(await all(by(workers).epoch(1))).toEqual(expected);
    expect(threadCount()).toBe(3);
  });

  it('train and evaluate alike', async () => {
    const results = [0, 1, 2].map(async (workers) => {
      const model = sequential({ inputShape: [8, 8, 3], seed: 1, device: 'reference' }, [
        flatten(),
        dense({ units: 3 }),
      ]);
      const batches = pipeline(data).batch(16, { augment: steps, workers });
      const { epochs } = await model.fit(batches, { epochs: 2 });
      const { loss } = await model.evaluate(batches);
      model.dispose();
      return [...epochs.map(({ trainLoss }) => trainLoss), loss];
    });
    const [first, ...others] = await Promise.all(results);
    for (const other of others) expect(other).toEqual(first);
    expect(first![0]).not.toBe(first![1]);
  });

  it('read folders of images, at once and batch by batch', async () => {
    const dir = files('good', 120);
    const whole = await imageFolder(dir, { workers: 0 });
    const told: number[] = [];
    expect(await imageFolder(dir, { workers: 2, onProgress: ({ images }) => told.push(images) })).toEqual(whole);
    expect(told.at(-1)).toBe(240);
    const { files: list, ...rest } = await imageFiles(dir);
    const { count, shape, classes, classNames } = whole;
    expect(rest).toEqual({ count, shape, classes, classNames });
    const order = (workers: number) => list.shuffle({ seed: 2 }).batch(50, { augment: steps, workers });
    expect(list.batch(50).size).toBe(5);
    const batches = await all(list.batch(50, { workers: 2 }));
    expect(Buffer.concat(batches.map(({ x }) => x as Uint8Array)).equals(whole.x)).toBe(true);
    expect(batches.flatMap(({ y }) => y)).toEqual([...whole.y]);
    expect(await all(order(2))).toEqual(await all(order(0)));
    const memory = pipeline(whole).shuffle({ seed: 2 }).batch(50, { augment: steps });
    expect(await all(memory)).toEqual(await all(order(1)));
  });

  it('tell of files that are wrong as the program itself would', async () => {
    const dir = files('broken', 60);
    const path = join(dir, 'b', '0031.jpg');
    writeFileSync(path, jpeg([1, 2, 3]).subarray(0, -2));
    for (const workers of [0, 2]) {
      const broken = {
        name: 'SteepestError',
        code: 'ERR_FORMAT',
        message: expect.stringContaining(`${path}: expected a whole JPEG`),
      };
      await expect(imageFolder(dir, { workers })).rejects.toMatchObject(broken);
      const { files: list } = await imageFiles(dir);
      const batches: unknown[] = [];
      const read = async () => {
        for await (const batch of list.batch(10, { workers })) batches.push(batch);
      };
      await expect(read()).rejects.toMatchObject(broken);
      expect(batches.length).toBe(9); // those before it came
    }
    writeFileSync(path, jpeg([1], 4, 4));
    await expect(imageFolder(dir, { workers: 2 })).rejects.toThrow(
      /imageFolder: .*0031.jpg: expected an image of 8 x 8 x 3, as .*0000.jpg is, but received 4 x 4 x 1/,
    );
  });

  it('stop at the signal', async () => {
    const reason = new Error('enough');
    let asked = 0;
    // It comes while threads are at work, however fast they are: at the fifth time that it is looked at.
    const signal = {
      ...{ aborted: false, addEventListener: () => {} },
      throwIfAborted: () => {
        if (++asked === 5) throw reason;
      },
    } as unknown as AbortSignal;
    await expect(imageFolder(files('many', 300), { workers: 2, signal })).rejects.toBe(reason);
    expect(asked).toBeGreaterThanOrEqual(5);
  });

  it('end when there was no work for some seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await all(pipeline(data).batch(10, { augment: steps, workers: 3 }));
      expect(threadCount()).toBe(3);
      vi.advanceTimersByTime(4000);
      expect(threadCount()).toBe(3);
      vi.advanceTimersByTime(2000);
      expect(threadCount()).toBe(0);
      expect(await all(pipeline(data).batch(10, { augment: steps, workers: 1 }))).toHaveLength(10);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a program with threads', () => {
  const body = {
    'at its end': 'for await (const batch of batches) last = batch;',
    'after half of an epoch': 'for await (const batch of batches) if (++count === 3) break;',
    'after an error': "try { for await (const batch of batches) throw new Error('x'); } catch {}",
    'after a run was stopped':
      "const model = sequential({ inputShape: [8, 8, 3], device: 'reference' }, [flatten(), dense({ units: 3 })]); const run = model.fit(batches, { epochs: 1e6, onBatchEnd: () => ++count === 5 && run.stop() }); await run;",
    'with an epoch that nobody reads on': 'const epoch = batches.epoch(0); await epoch.next();',
  };
  const dist = (file: string) => JSON.stringify(join(__dirname, '../../dist', file));
  const run = (code: string) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { augment, dense, flatten, pipeline, sequential } from ${dist('index.mjs')};
        import { threadCount } from ${dist('data/threads.js')};
        const x = new Uint8Array(500 * 192), y = new Uint8Array(500);
        const batches = pipeline({ x, y, shape: [8, 8, 3] }).batch(10, { augment: [augment.rotate(9)], workers: 2 });
        let [count, last] = [0];
        // What is left then did not keep the program from its end.
        process.on('exit', () => console.log(threadCount()));
        ${code}
        console.log('done');`,
      ],
      { encoding: 'utf8', timeout: 60_000 },
    );

  it.each(Object.entries(body))('ends %s', (_, code) => {
    const { status, stdout, stderr } = run(code);
    expect([stdout, stderr, status]).toEqual(['done\n2\n', '', 0]);
  });

  it('waits for batches that it asked for', () => {
    const { status, stdout } = run('last = (await batches.epoch(0).next()).value; console.log(last.y.length);');
    expect([stdout, status]).toEqual(['10\ndone\n2\n', 0]);
  });
});

describe('ahead', () => {
  it('keeps the order, runs so far ahead and no further, and closes its source', async () => {
    const log: string[] = [];
    async function* source() {
      try {
        for (let i = 0; ; i++) {
          log.push(`given ${i}`);
          yield i;
        }
      } finally {
        log.push('closed');
      }
    }
    const results: number[] = [];
    for await (const result of ahead(source(), 3, async (value, index) => {
      await new Promise((resolve) => setTimeout(resolve, value % 2 === 0 ? 5 : 0));
      return 10 * value + index;
    })) {
      results.push(result);
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (results.length === 1) expect(log.filter((line) => line.startsWith('given'))).toHaveLength(4);
      if (results.length === 4) break;
    }
    expect(results).toEqual([0, 11, 22, 33]);
    expect(log.at(-1)).toBe('closed');
    expect(log.filter((line) => line.startsWith('given'))).toHaveLength(7);
  });

  it('gives what came before an error, then the error', async () => {
    const reason = new Error('no more');
    async function* source() {
      yield 1;
      yield 2;
      throw reason;
    }
    const results: number[] = [];
    const read = async () => {
      for await (const result of ahead(source(), 5, async (value) => value)) results.push(result);
    };
    await expect(read()).rejects.toBe(reason);
    expect(results).toEqual([1, 2]);
    const failing = ahead(source(), 5, (value) => (value === 2 ? Promise.reject(reason) : Promise.resolve(value)));
    expect(await failing.next()).toEqual({ done: false, value: 1 });
    await expect(failing.next()).rejects.toBe(reason);
  });
});
