/** Runs that are watched, stopped, aborted, or lose their model. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { sgd } from '../../lib/optimizers/sgd.js';
import type { FitRecord } from '../../lib/train/records.js';
import { clusters, mlp } from './tiny.js';

const data = clusters(64);
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** So many epochs that none of these runs would end by itself. */
const endless = { epochs: 1_000_000, batchSize: 8 };

describe('iteration', () => {
  test('gives a record an epoch', async () => {
    const run = mlp().fit(data, { epochs: 3 });
    const seen: FitRecord[] = [];
    for await (const record of run) seen.push(record);
    expect(seen).toEqual((await run).epochs);
    expect(seen.map((record) => record.epoch)).toEqual([1, 2, 3]);
  });

  test('gives a record a batch on request, before that of its epoch', async () => {
    const seen: string[] = [];
    for await (const record of mlp().fit(data, { epochs: 2, batchSize: 32, every: 'batch' }))
      seen.push(record.kind === 'batch' ? `${record.epoch}.${record.step}` : `epoch ${record.epoch}`);
    expect(seen).toEqual(['1.1', '1.2', 'epoch 1', '2.1', '2.2', 'epoch 2']);
  });

  test('may evaluate the model while it is trained', async () => {
    const model = mlp();
    const run = model.fit(data, { epochs: 3, batchSize: 4 });
    let evaluations = 0;
    for await (const _ of run) {
      const { loss } = await model.evaluate(data);
      expect(loss).toBeGreaterThan(0);
      evaluations++;
    }
    expect(evaluations).toBe(3);
  });

  test('throws what the run rejects with', async () => {
    const run = mlp().fit(data, { epochs: 0 });
    await expect(async () => {
      for await (const _ of run);
    }).rejects.toThrow('expected a positive integer for epochs but received 0');
  });
});

describe('stop', () => {
  test('ends after the step in flight, and the history keeps what was done', async () => {
    const model = mlp();
    const run = model.fit(data, {
      ...endless,
      onBatchEnd: ({ epoch, step }) => epoch === 2 && step === 3 && run.stop(),
    });
    const { epochs, stopped } = await run;
    expect(stopped).toBe(true);
    expect(epochs.map((e) => e.steps)).toEqual([8, 3]);
    expect(epochs[1]).not.toHaveProperty('testLoss');
    expect(epochs.map((e) => e.partial)).toEqual([undefined, true]);
    run.stop();
    await model.fit(data);
  });

  test('before the first step leaves the model as it was', async () => {
    const model = mlp();
    const before = model.weights();
    const run = model.fit(data, endless);
    run.stop();
    expect(await run).toEqual({ epochs: [], reason: 'stopped', stopped: true });
    expect(model.weights()).toEqual(before);
  });

  test('does not wait for the steps that were planned together', async () => {
    // The learning rate of all steps of a chunk is asked for at its start: so many steps are planned.
    let planned = 0;
    const at = (t: number) => {
      planned = Math.max(planned, t + 1);
      if (t === 100) queueMicrotask(() => run.stop());
      return 0.01;
    };
    const learningRate = { name: 'constant', options: {}, at } as const;
    const run = mlp().fit(clusters(4000), { batchSize: 1, optimizer: sgd({ learningRate }) });
    const { epochs } = await run;
    expect(planned).toBeGreaterThan(100);
    expect(epochs[0]!.steps).toBeLessThan(100);
  });

  test('while an evaluation has the model: no step is begun', async () => {
    const model = mlp();
    const evaluation = model.evaluate(clusters(250), { batchSize: 1 });
    await wait(2);
    const run = model.fit(data, endless);
    await wait(2);
    run.stop();
    expect((await run).epochs).toEqual([]);
    await evaluation;
  });

  test('by leaving the loop', async () => {
    const run = mlp().fit(data, endless);
    for await (const { epoch } of run) if (epoch === 3) break;
    const { epochs, stopped } = await run;
    expect(stopped).toBe(true);
    expect(epochs.length).toBeLessThan(6);
  });

  test('after an abort changes nothing: the run rejects', async () => {
    const controller = new AbortController();
    const run = mlp().fit(data, { ...endless, signal: controller.signal });
    await wait(5);
    controller.abort();
    run.stop();
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('comes before an abort', async () => {
    const controller = new AbortController();
    const run = mlp().fit(data, { ...endless, signal: controller.signal });
    await wait(5);
    run.stop();
    controller.abort();
    expect((await run).stopped).toBe(true);
  });
});

describe('pause', () => {
  test.each([{}, { onBatchEnd: () => {} }])('rests between two steps and changes no bit (%j)', async (options) => {
    const settings = { epochs: 3, batchSize: 2, optimizer: 'adam', ...options } as const;
    const [plain, paused] = [mlp(), mlp()];
    const wanted = await plain.fit(data, settings);
    const run = paused.fit(data, settings);
    for (let i = 0; i < 5; i++) {
      await run.pause();
      const { state, epoch, step } = run.status;
      expect(state).toBe('paused');
      const before = paused.weights(); // not in the middle of steps
      await wait(3);
      expect(paused.weights()).toEqual(before);
      expect(run.status).toMatchObject({ epoch, step });
      expect((await paused.evaluate(data)).loss).toBeGreaterThan(0);
      run.resume();
      await wait(1);
    }
    const { epochs } = await run;
    expect(epochs.map((e) => e.trainLoss)).toEqual(wanted.epochs.map((e) => e.trainLoss));
    expect(paused.weights()).toEqual(plain.weights());
  });

  test('of a stream keeps its batches', async () => {
    function* stream() {
      for (let i = 0; i < 8; i++)
        yield { x: data.x.subarray(i * 32, i * 32 + 32), y: data.y.subarray(i * 8, i * 8 + 8) };
    }
    const [plain, paused] = [mlp(), mlp()];
    const wanted = await plain.fit(stream, { epochs: 2 });
    const run = paused.fit(stream, { epochs: 2 });
    for (let i = 0; i < 5; i++) {
      await run.pause();
      run.resume();
      await wait(1);
    }
    expect((await run).epochs.map((e) => [e.trainLoss, e.steps])).toEqual(
      wanted.epochs.map((e) => [e.trainLoss, e.steps]),
    );
  });

  test('is no time of training', async () => {
    const start = performance.now();
    const run = mlp().fit(data, { epochs: 1, batchSize: 1 });
    await run.pause();
    const rested = performance.now();
    await wait(100);
    const rest = performance.now() - rested;
    run.resume();
    const { epochs } = await run;
    expect(epochs[0]!.seconds * 1000).toBeLessThanOrEqual(performance.now() - start - rest);
  });

  test('ends by stop(), by the signal and by dispose()', async () => {
    const stopped = mlp().fit(data, endless);
    await stopped.pause();
    stopped.stop();
    expect((await stopped).stopped).toBe(true);
    const controller = new AbortController();
    const aborted = mlp().fit(data, { ...endless, signal: controller.signal });
    await aborted.pause();
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    const model = mlp();
    const disposed = model.fit(data, endless);
    await disposed.pause();
    model.dispose();
    await expect(disposed).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect([stopped, aborted, disposed].map((run) => run.status.state)).toEqual(['stopped', 'failed', 'failed']);
  });

  test('in a callback comes at the next step', async () => {
    const run = mlp().fit(data, {
      epochs: 3,
      onEpochEnd: ({ epoch }) => {
        if (epoch === 2) void run.pause();
      },
    });
    while (run.status.state !== 'paused') await wait(1);
    expect(run.status).toMatchObject({ epoch: 3, step: 0, record: { epoch: 2 } });
    run.resume();
    expect((await run).epochs).toHaveLength(3);
  });
});

describe('status', () => {
  test('tells how far a fit is', async () => {
    const model = mlp();
    const run = model.fit(data, { epochs: 2, batchSize: 8, onBatchEnd: () => seen.push(run.status) });
    const seen = [run.status];
    expect(run.status).toMatchObject({ state: 'running', epoch: 0, epochs: 2, step: 0, record: undefined });
    const { epochs } = await run;
    expect(seen[11]).toEqual({
      ...{ state: 'running', epoch: 2, epochs: 2, step: 3, steps: 8 },
      loss: expect.any(Number),
      learningRate: 0.001,
      record: epochs[0],
    });
    expect(run.status).toMatchObject({
      state: 'done',
      epoch: 2,
      step: 8,
      loss: epochs[1]!.trainLoss,
      record: epochs[1],
    });
  });
});

describe('a signal', () => {
  test('ends the run, which rejects with its reason', async () => {
    const controller = new AbortController();
    const model = mlp();
    const run = model.fit(data, { ...endless, signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    const reason = new Error('enough');
    await expect(model.fit(data, { ...endless, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await model.fit(data);
  });

  test('gives the iteration what was done, then the reason', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    await expect(async () => {
      for await (const { epoch } of mlp().fit(data, { ...endless, signal: controller.signal })) {
        seen.push(epoch);
        if (epoch === 2) controller.abort();
      }
    }).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen.slice(0, 2)).toEqual([1, 2]);
  });

  test('that never fires changes nothing', async () => {
    const { signal } = new AbortController();
    expect((await mlp().fit(data, { signal })).epochs).toHaveLength(1);
  });
});

describe('a signal of the process', () => {
  const listeners = () => process.listenerCount('SIGUSR2');
  const before = listeners();

  test('stops the fit, whose history has its name, and is heeded once', async () => {
    const onBatchEnd = ({ epoch }: { epoch: number }) => {
      if (epoch !== 2) return;
      expect(listeners()).toBe(before + 1);
      process.kill(process.pid, 'SIGUSR2');
    };
    const { reason, stopped, epochs } = await mlp().fit(data, { ...endless, stopOnSignals: ['SIGUSR2'], onBatchEnd });
    expect([reason, stopped, epochs.length, listeners()]).toEqual(['SIGUSR2', true, 2, before]);
  });

  test('stops minimize', async () => {
    const onIteration = ({ iteration }: { iteration: number }) =>
      iteration === 2 && process.kill(process.pid, 'SIGUSR2');
    const options = { method: 'gradient-descent', iterations: 1000, tolerance: 0 } as const;
    const { stopped, iterations } = await mlp().minimize(data, { ...options, stopOnSignals: ['SIGUSR2'], onIteration });
    expect([stopped, listeners()]).toEqual([true, before]);
    expect(iterations.length).toBeLessThan(100);
  });

  test('is not heeded after the fit', async () => {
    const run = mlp().fit(data, { stopOnSignals: ['SIGUSR2', 'SIGUSR2'] });
    expect(listeners()).toBe(before + 1);
    expect((await run).reason).toBe('epochs');
    expect(listeners()).toBe(before);
  });

  test.each([
    ['SIGTERM', 'fit: expected an array of names of signals for stopOnSignals but received "SIGTERM"'],
    [['SIGKILL'], "fit: expected one of 'SIGTERM', 'SIGINT', "],
    [[15], "fit: expected one of 'SIGTERM', 'SIGINT', "],
  ])('must be one that can be heeded: %j', async (stopOnSignals, message) => {
    await expect(async () => mlp().fit(data, { stopOnSignals } as never)).rejects.toThrow(message);
    expect(listeners()).toBe(before);
  });

  test('reaches the main thread alone, so threads refuse the option', async () => {
    const source = `
      const { dense, sequential } = require(${JSON.stringify(join(__dirname, '../../dist/index.js'))});
      const model = sequential({ inputShape: [1], device: 'reference' }, [dense({ units: 2 })]);
      model.fit({ x: [[1]], y: [1] }, { stopOnSignals: ['SIGTERM'] }).catch((error) => {
        require('node:worker_threads').parentPort.postMessage(String(error));
      });`;
    const worker = new Worker(source, { eval: true });
    const message = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(message).toMatch(/^TypeError: fit: stopOnSignals: .* main thread/);
    await worker.terminate();
  });
});

describe('one fit at a time', () => {
  test('a second one is refused, and does not hurt the first', async () => {
    const model = mlp();
    const first = model.fit(data, { epochs: 2 });
    await expect(model.fit(data)).rejects.toThrow('another run of this model is under way');
    expect((await first).epochs).toHaveLength(2);
    await model.fit(data);
  });

  test('but as many models as one likes, each as if it were alone', async () => {
    const alone = await mlp({ seed: 4 }).fit(data, { epochs: 4 });
    const runs = [4, 5, 4, 6].map((seed) => mlp({ seed }).fit(data, { epochs: 4 }));
    const histories = await Promise.all(runs);
    const losses = histories.map((h) => h.epochs.map((e) => e.trainLoss));
    expect(losses[0]).toEqual(alone.epochs.map((e) => e.trainLoss));
    expect(losses[2]).toEqual(losses[0]);
    expect(losses[1]).not.toEqual(losses[0]);
  });

  test('weights are not read or set in the middle of steps, but between epochs', async () => {
    const model = mlp();
    const run = model.fit(data, { ...endless, epochs: 2, onEpochEnd: () => expect(model.weights()).toHaveLength(4) });
    while (!(await busy(() => model.weights())));
    expect(() => model.setWeights([])).toThrow('steps are in flight');
    await run;
    expect(model.weights()).toHaveLength(4);
  });
});

/** Whether `read` is refused because of steps in flight; a turn of the event loop later otherwise. */
async function busy(read: () => unknown): Promise<boolean> {
  try {
    read();
  } catch (error) {
    expect((error as Error).message).toContain('steps are in flight');
    return true;
  }
  await new Promise((resolve) => setImmediate(resolve));
  return false;
}

describe('callbacks', () => {
  test('are awaited; what they throw rejects the run', async () => {
    const order: string[] = [];
    await mlp().fit(data, {
      epochs: 2,
      onEpochEnd: async ({ epoch }) => {
        await wait(5);
        order.push(`end ${epoch}`);
      },
      onBatchEnd: ({ epoch, step }) => order.push(`${epoch}.${step}`),
    });
    expect(order).toEqual(['1.1', '1.2', 'end 1', '2.1', '2.2', 'end 2']);
    const model = mlp();
    const broken = () => {
      throw new Error('in the callback');
    };
    for (const options of [{ onEpochEnd: broken }, { onBatchEnd: broken }, { onProgress: broken }])
      await expect(model.fit(data, options)).rejects.toThrow('in the callback');
    await model.fit(data);
  });
});

describe('dispose', () => {
  test('in the middle of a run: the run rejects, the process goes on', async () => {
    const model = mlp();
    const run = model.fit(data, endless);
    setTimeout(() => model.dispose(), 10);
    await expect(run).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect(model.disposed).toBe(true);
  });

  test('while an evaluation or prediction is under way', async () => {
    const model = mlp();
    const waiting = [model.evaluate(data, { batchSize: 1 }), model.predict(data.x, { batchSize: 1 })];
    await wait(2);
    model.dispose();
    for (const { status } of await Promise.allSettled(waiting)) expect(['fulfilled', 'rejected']).toContain(status);
    await expect(Promise.allSettled(waiting)).resolves.toSatisfy((results: PromiseSettledResult<unknown>[]) =>
      results.every((r) => r.status === 'fulfilled' || (r.reason as { code: string }).code === 'ERR_DISPOSED'),
    );
  });

  test('makes every later use throw ERR_DISPOSED', async () => {
    const model = mlp();
    model.dispose();
    model.dispose();
    const gone = { code: 'ERR_DISPOSED' };
    await expect(model.fit(data)).rejects.toMatchObject(gone);
    await expect(model.evaluate(data)).rejects.toMatchObject(gone);
    await expect(model.predict(data.x)).rejects.toMatchObject(gone);
    await expect(model.predictClasses(data.x)).rejects.toMatchObject(gone);
    for (const use of [() => model.weights(), () => model.setWeights([]), () => model.plan(), () => model.summary()])
      expect(use).toThrow(expect.objectContaining(gone));
  });

  test('is what `using` calls', () => {
    const model = mlp();
    model[Symbol.dispose]();
    expect(model.disposed).toBe(true);
  });
});
