/** Pipelines: what each step does to the elements, what an epoch changes, and that models train on them as on the same data in memory. */
import { describe, expect, it } from 'vitest';
import { pipeline } from '../../lib/data/pipeline.js';
import { clusters, mlp } from '../train/tiny.js';

async function all<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const element of elements) list.push(element);
  return list;
}
const ten = Array.from({ length: 10 }, (_, i) => i);
async function* later<T>(values: readonly T[]) {
  for (const value of values) {
    await new Promise(setImmediate);
    yield value;
  }
}

describe('pipeline', () => {
  it('takes, skips and maps, of any iterable, and knows how many there are', async () => {
    for (const source of [ten, new Set(ten), () => later(ten), async () => ten]) {
      const some = pipeline<number>(source)
        .skip(2)
        .map(async (value, index) => 10 * value + index)
        .take(3);
      expect(await all(some)).toEqual([20, 31, 42]);
      expect(some.size).toBe(source === ten ? 3 : undefined);
    }
    expect(await all(pipeline(ten).take(0))).toEqual([]);
    expect(await all(pipeline(ten).take(99))).toEqual(ten);
    expect([pipeline(ten).take(99).size, pipeline(ten).skip(99).size]).toEqual([10, 0]);
  });

  it('asks its source for no more than is taken, and closes it', async () => {
    const log: string[] = [];
    function* source() {
      try {
        for (;;) {
          log.push('given');
          yield 1;
        }
      } finally {
        log.push('closed');
      }
    }
    expect(
      await all(
        pipeline(source)
          .map((value) => value)
          .take(2),
      ),
    ).toEqual([1, 1]);
    expect(log).toEqual(['given', 'given', 'closed']);
  });

  it('shuffles anew each epoch, by the seed', async () => {
    const shuffled = pipeline(ten).shuffle({ seed: 1 });
    const [first, second] = [await all(shuffled.epoch(0)), await all(shuffled.epoch(1))];
    for (const order of [first, second]) expect(order.toSorted((a, b) => a - b)).toEqual(ten);
    expect(first).not.toEqual(second);
    expect(await all(shuffled)).toEqual(first);
    expect(
      await all(
        pipeline(() => later(ten))
          .shuffle({ seed: 1 })
          .epoch(1),
      ),
    ).toEqual(second);
    expect(await all(pipeline(ten).shuffle({ seed: 2 }))).not.toEqual(first);
  });

  it('finds every order of four equally often', async () => {
    const counts = new Map<string, number>();
    const shuffled = pipeline([0, 1, 2, 3]).shuffle();
    for (let epoch = 0; epoch < 2400; epoch++) {
      const order = (await all(shuffled.epoch(epoch))).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(45); // 4.6 deviations
  });

  it('shuffles within a buffer', async () => {
    expect(await all(pipeline(ten).shuffle({ buffer: 1 }))).toEqual(ten);
    const order = await all(pipeline(() => later(ten)).shuffle({ buffer: 3 }));
    expect(order).not.toEqual(ten);
    expect(order.toSorted((a, b) => a - b)).toEqual(ten);
    for (const [place, value] of order.entries()) expect(value).toBeLessThan(place + 3);
  });

  it('keeps the first pass that comes to its end', async () => {
    let made = 0;
    const cached = pipeline(ten)
      .shuffle()
      .map((value) => [value, made++])
      .cache();
    await all(cached.take(3)); // does not come to the end
    expect(made).toBe(3);
    const kept = await all(cached.epoch(1));
    expect(made).toBe(13);
    expect(await all(cached.epoch(2))).toEqual(kept);
    expect(made).toBe(13);
  });

  it('passes on errors of its source and of map', async () => {
    const reason = new Error('no more');
    const failing = pipeline(function* () {
      yield 1;
      throw reason;
    });
    await expect(all(failing.shuffle())).rejects.toBe(reason);
    await expect(all(pipeline(ten).map(() => Promise.reject(reason)))).rejects.toBe(reason);
  });

  it('refuses wrong use', async () => {
    for (const source of [3, null, 'text', {}, new Uint8Array(3)])
      expect(() => pipeline(source as never), String(source)).toThrow(TypeError);
    await expect(all(pipeline((() => 3) as never))).rejects.toThrow(/expected an iterable for source but received 3/);
    for (const count of [-1, 0.5, '1']) expect(() => pipeline(ten).take(count as never)).toThrow(/take: expected/);
    expect(() => pipeline(ten).shuffle({ bufer: 1 } as never)).toThrow(/did you mean 'buffer'/);
    expect(() => pipeline(ten).shuffle({ buffer: 0 })).toThrow(RangeError);
    expect(() => pipeline(ten).map(3 as never)).toThrow(TypeError);
  });
});

describe('batch', () => {
  const data = { x: Uint8Array.from({ length: 14 }, (_, i) => i), y: Uint8Array.of(0, 1, 2, 3, 4, 5, 6), shape: [2] };

  it('puts rows together in the memory they had', async () => {
    const batches = pipeline(data).batch(3);
    expect(batches.size).toBe(3);
    expect(await all(batches)).toEqual([
      { x: Uint8Array.of(0, 1, 2, 3, 4, 5), y: [0, 1, 2], shape: [2] },
      { x: Uint8Array.of(6, 7, 8, 9, 10, 11), y: [3, 4, 5], shape: [2] },
      { x: Uint8Array.of(12, 13), y: [6], shape: [2] },
    ]);
    const whole = pipeline(data).batch(3, { dropRemainder: true });
    expect([whole.size, (await all(whole)).length]).toEqual([2, 2]);
  });

  it('takes rows of every form', async () => {
    const one = async (source: unknown) => (await all(pipeline(source as never).batch(2)))[0];
    const targets = {
      x: [
        [1, 2],
        [3, 4],
      ],
      y: Float32Array.of(5, 6, 7, 8),
    };
    expect(await one(targets)).toEqual({
      x: [
        [1, 2],
        [3, 4],
      ],
      y: Float32Array.of(5, 6, 7, 8),
    });
    const single = { x: Float64Array.of(1, 2), y: Float64Array.of(3, 4), shape: [1] };
    expect(await one(single)).toEqual({ x: [[1], [2]], y: [3, 4], shape: [1] });
    const weighed = { x: [[1], [2]], y: [[0], [1]], sampleWeights: Float32Array.of(1, 3) };
    expect(await one(weighed)).toEqual({ x: [[1], [2]], y: [[0], [1]], sampleWeights: [1, 3] });
  });

  it('refuses rows that differ', async () => {
    const rows = (...x: unknown[]) => pipeline(x.map((value) => ({ x: value, y: 0 })) as never).batch(2);
    await expect(all(rows(new Uint8Array(2), new Uint8Array(3)))).rejects.toThrow(
      /batch: row 1 has Uint8Array\(3\) for x, where row 0 has Uint8Array\(2\)/,
    );
    await expect(all(rows([1], new Uint8Array(1)))).rejects.toMatchObject({ code: 'ERR_SHAPE' });
    await expect(all(rows('a', 'b'))).rejects.toThrow(TypeError);
    expect(() => pipeline(data).batch(0)).toThrow(RangeError);
    expect(() => pipeline(data).batch(2, { dropRemainder: 1 as never })).toThrow(TypeError);
  });
});

describe('models', () => {
  const data = { ...clusters(24), shape: [4] };

  it('train on a pipeline as on the same data in memory, and tell its steps', async () => {
    const steps: (number | undefined)[] = [];
    const whole = await mlp().fit(data, { epochs: 2, batchSize: 10, shuffle: false });
    const streamed = await mlp().fit(pipeline(data).batch(10), { epochs: 2, onProgress: (p) => steps.push(p.steps) });
    expect(streamed.epochs.map((e) => [e.steps, e.trainLoss, e.trainAccuracy])).toEqual(
      whole.epochs.map((e) => [e.steps, e.trainLoss, e.trainAccuracy]),
    );
    expect(new Set(steps)).toEqual(new Set([3]));
  });

  it('ask for each epoch by its number, over all fits', async () => {
    const shuffled = pipeline(data).shuffle({ seed: 5 }).batch(8);
    const losses = async (model: ReturnType<typeof mlp>, epochs: number, source: unknown = shuffled) =>
      (await model.fit(source as never, { epochs })).epochs.map((e) => e.trainLoss);
    const once = await losses(mlp(), 3);
    const model = mlp();
    expect([...(await losses(model, 1)), ...(await losses(model, 2, () => shuffled))]).toEqual(once);
    const asked: number[] = [];
    const function_ = (epoch: number) => {
      asked.push(epoch);
      return shuffled.epoch(epoch);
    };
    expect(await losses(mlp(), 3, function_)).toEqual(once);
    expect(asked).toEqual([0, 1, 2]);
  });

  it('are evaluated on a pipeline', async () => {
    const model = mlp();
    const whole = await model.evaluate(data);
    const { loss, accuracy, rows } = await model.evaluate(pipeline(data).batch(7));
    expect([rows, accuracy]).toEqual([24, whole.accuracy]);
    expect(loss).toBeCloseTo(whole.loss, 6);
    expect((await model.evaluate(() => pipeline(data).take(5).batch(7))).rows).toBe(5);
  });
});
