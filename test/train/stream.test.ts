import { describe, expect, test } from 'vitest';
import { clusters, mlp } from './tiny.js';

const data = clusters(24);
const part = (begin: number, end: number) => ({
  x: data.x.subarray(begin * 4, end * 4),
  y: data.y.subarray(begin, end),
});

async function* parts(sizes: readonly number[]) {
  let at = 0;
  for (const size of sizes) {
    await new Promise((resolve) => setImmediate(resolve));
    yield part(at, at + size);
    at += size;
  }
}

describe('streams of batches', () => {
  test('train as the same batches in memory do', async () => {
    const whole = await mlp().fit(data, { epochs: 2, batchSize: 10, shuffle: false });
    const stream = await mlp().fit(() => parts([10, 10, 4]), { epochs: 2 });
    expect(stream.epochs.map((e) => [e.steps, e.trainLoss, e.trainAccuracy])).toEqual(
      whole.epochs.map((e) => [e.steps, e.trainLoss, e.trainAccuracy]),
    );
  });

  test('may have batches of any size, growing ones too', async () => {
    const { epochs } = await mlp().fit(parts([3, 12, 1, 8]));
    expect(epochs[0]!.steps).toBe(4);
  });

  test('may be an array, an iterable, or a promise of one from a function', async () => {
    const list = [part(0, 12), part(12, 24)];
    const losses = [];
    for (const stream of [list, new Set(list), () => list, async () => list, () => parts([12, 12])])
      losses.push((await mlp().fit(stream)).epochs[0]!.trainLoss);
    expect(new Set(losses).size).toBe(1);
  });

  test('may be validated and evaluated', async () => {
    const model = mlp();
    const { epochs } = await model.fit(() => parts([12, 12]), { epochs: 2, validationData: data });
    const streamed = await model.evaluate(() => parts([5, 12, 7]));
    expect(streamed.rows).toBe(24);
    expect(streamed.loss).toBeCloseTo(epochs[1]!.testLoss!, 5);
    expect(streamed.accuracy).toBe(epochs[1]!.testAccuracy);
  });

  test('fetch the next batch while a step runs, and are closed at the end', async () => {
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield part(0, 8);
      } finally {
        closed = true;
      }
    }
    const run = mlp().fit(endless(), { onBatchEnd: ({ step }) => step === 5 && run.stop() });
    expect((await run).epochs[0]!.steps).toBe(5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(true);
  });

  test('that never answer do not hold a stopped, aborted or disposed run', async () => {
    const silent = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) });
    const stopped = mlp().fit(silent);
    setTimeout(() => stopped.stop(), 5);
    expect(await stopped).toEqual({ epochs: [], reason: 'stopped', stopped: true });
    const aborted = mlp().fit(silent, { signal: AbortSignal.timeout(5) });
    await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' });
    const model = mlp();
    const disposed = model.fit(silent);
    setTimeout(() => model.dispose(), 5);
    await expect(disposed).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test('reject the run with what they throw, or what is wrong with a batch', async () => {
    const model = mlp();
    async function* broken() {
      yield part(0, 8);
      throw new Error('disk on fire');
    }
    await expect(model.fit(broken())).rejects.toThrow('disk on fire');
    await expect(model.fit([part(0, 4), { x: data.x, y: [9] }])).rejects.toThrow(/batch 1: .*24/);
    await expect(model.fit(() => 7 as never)).rejects.toThrow('an iterable of batches { x, y }');
    await expect(model.fit([])).rejects.toThrow('gave no batch in epoch 1');
    await expect(model.fit(parts([8]), { epochs: 2 })).rejects.toThrow(/epoch 2; give a function/);
    await expect(model.evaluate([])).rejects.toThrow('at least one batch');
    await model.fit(data);
  });
});
