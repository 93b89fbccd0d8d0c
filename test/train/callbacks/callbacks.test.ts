/** Callbacks: when they are called, and what those of the library do. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cosine } from '../../../lib/optimizers/schedules.js';
import { sgd } from '../../../lib/optimizers/sgd.js';
import type { Callback, FitContext } from '../../../lib/train/callbacks/callback.js';
import { earlyStopping } from '../../../lib/train/callbacks/early-stopping.js';
import { csvLog, jsonlLog } from '../../../lib/train/callbacks/logs.js';
import { reduceOnPlateau } from '../../../lib/train/callbacks/reduce-on-plateau.js';
import { saveBest } from '../../../lib/train/callbacks/save-best.js';
import { terminateOnNaN } from '../../../lib/train/callbacks/terminate-on-nan.js';
import { loadModel, type Model } from '../../../lib/train/model.js';
import type { FitOptions } from '../../../lib/train/options.js';
import type { EpochRecord } from '../../../lib/train/records.js';
import { temporaryFolder } from '../../helpers/temporary.js';
import { clusters, mlp } from '../tiny.js';

const data = clusters(24);
const folder = temporaryFolder('callbacks');

/** A fit whose epochs have these numbers in the place of the monitored one: callbacks hear what is made up. */
async function hearing(callback: Callback, numbers: readonly number[], name: keyof EpochRecord = 'trainLoss') {
  const context = { ends: [] as string[], factors: [] as number[], sets: 0, weights: 0 };
  let rate = 0.5;
  const fit: FitContext = {
    ...{ model: undefined as never, epochs: numbers.length, learningRate: 1 },
    monitors: ['trainLoss', 'trainAccuracy'],
    scaleLearningRate: (factor) => {
      rate *= factor;
      context.factors.push(factor);
    },
    end: (reason) => context.ends.push(reason),
    weights: async () => [{ name: `${++context.weights}`, shape: [1], values: new Float32Array(1) }],
    setWeights: async ([entry]) => {
      context.sets = Number(entry!.name);
    },
  };
  await callback.onTrainBegin?.(fit, undefined);
  let epochs = 0;
  for (const value of numbers) {
    const record = { kind: 'epoch', epoch: ++epochs, learningRate: rate, [name]: value } as never;
    await callback.onEpochEnd?.(record, fit);
    if (context.ends.length > 0) break;
  }
  await callback.onTrainEnd?.({ epochs: [], reason: '', stopped: false }, fit);
  return { epochs, rate, ...context };
}

describe('callbacks', () => {
  test('are called in their order, at their times, before onBatchEnd and onEpochEnd, and awaited', async () => {
    const calls: string[] = [];
    const note = async (...words: unknown[]) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      calls.push(words.join(' '));
    };
    const callback = (name: string): Callback => ({
      name,
      onTrainBegin: (fit, state) => note(name, 'begin', fit.epochs, state),
      onLosses: (losses) => note(name, 'losses', losses.length),
      onBatchEnd: ({ step }) => note(name, 'batch', step),
      onEpochEnd: ({ epoch }) => note(name, 'epoch', epoch),
      onTrainEnd: ({ epochs, reason }) => note(name, 'end', epochs.length, reason),
    });
    await mlp().fit(data, {
      batchSize: 24,
      callbacks: [callback('a'), callback('b')],
      onBatchEnd: () => note('option batch'),
      onEpochEnd: () => note('option epoch'),
    });
    expect(calls).toEqual([
      ...['a begin 1 ', 'b begin 1 ', 'a losses 1', 'b losses 1', 'a batch 1', 'b batch 1', 'option batch'],
      ...['a epoch 1', 'b epoch 1', 'option epoch', 'a end 1 epochs', 'b end 1 epochs'],
    ]);
  });

  test('see the fit: its model, its numbers, the learning rate, which they may scale', async () => {
    const rates: (number | undefined)[] = [];
    let seen: FitContext | undefined;
    const model = mlp();
    const watcher: Callback = {
      name: 'watcher',
      onTrainBegin: (fit) => {
        seen = fit;
        rates.push(fit.learningRate);
      },
      async onEpochEnd(record, fit) {
        rates.push(fit.learningRate);
        expect((await fit.model.evaluate(data)).loss).toBe(record.testLoss);
        fit.scaleLearningRate(0.5);
      },
    };
    const optimizer = sgd({ learningRate: cosine(0.1, { steps: 4 }) });
    const options: FitOptions = { epochs: 4, batchSize: 24, optimizer, callbacks: [watcher], validationData: data };
    const { epochs } = await model.fit(data, options);
    const wanted = [0, 1, 2, 3].map((t) => optimizer.learningRate.at(t) * 0.5 ** t);
    expect(epochs.map((e) => e.learningRate)).toEqual(wanted);
    expect(rates).toEqual([undefined, ...wanted]);
    expect(seen!.model).toBe(model);
    expect(seen!.monitors).toEqual(['trainLoss', 'trainAccuracy', 'testLoss', 'testAccuracy']);
    // The factor stays with the optimizer's state.
    expect((await model.fit(data, { ...options, epochs: 1, callbacks: [] })).epochs[0]!.learningRate).toBe(0);
    expect((await model.fit(data, { optimizer: sgd() })).epochs[0]!.learningRate).toBe(0.01);
  });

  test('the new rate is the one that steps take', async () => {
    const [halved, plain] = [mlp(), mlp()];
    const halve: Callback = { name: 'halve', onTrainBegin: (fit) => fit.scaleLearningRate(0.5) };
    await halved.fit(data, { optimizer: sgd({ learningRate: 0.5 }), callbacks: [halve] });
    await plain.fit(data, { optimizer: sgd({ learningRate: 0.25 }) });
    expect(halved.weights()).toEqual(plain.weights());
  });

  test('end a run after its epoch, or in it; the first reason counts', async () => {
    const ending = (method: 'onEpochEnd' | 'onBatchEnd', reason: string): Callback => ({
      name: 'ending',
      [method]: ({ epoch }: { epoch: number }, fit: FitContext) => epoch === 2 && fit.end(reason),
    });
    const options = { epochs: 5, batchSize: 8, validationData: data };
    const after = mlp().fit(data, { ...options, callbacks: [ending('onEpochEnd', 'a'), ending('onEpochEnd', 'b')] });
    expect(await after).toMatchObject({ reason: 'a', stopped: false, epochs: [{}, { steps: 3 }] });
    expect(after.status.state).toBe('done');
    const { epochs, reason } = await mlp().fit(data, { ...options, callbacks: [ending('onBatchEnd', 'c')] });
    expect([reason, epochs.map((e) => [e.steps, e.partial])]).toEqual(['c', [[3, undefined], [1, true]]]); // biome-ignore format: a table
    expect(epochs[1]).not.toHaveProperty('testLoss');
  });

  test('reject the run with what they throw', async () => {
    for (const method of ['onTrainBegin', 'onLosses', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd']) {
      const broken = { name: 'broken', [method]: () => Promise.reject(new Error(method)) };
      await expect(mlp().fit(data, { callbacks: [broken] })).rejects.toThrow(method);
    }
  });

  test.each([
    ['no', 'fit: expected an array of callbacks for callbacks but received "no"'],
    [[null], 'for callbacks[0] but received null'],
    [[{ onEpochEnd: () => {} }], 'expected a string for callbacks[0].name but received undefined'],
    [[{ name: 'a', onEpochEnd: 3 }], 'expected a function for callbacks[0].onEpochEnd but received 3'],
  ])('%j are refused', async (callbacks, message) => {
    await expect(mlp().fit(data, { callbacks: callbacks as never })).rejects.toThrow(message);
  });
});

describe('earlyStopping', () => {
  test.each([
    [[5, 4, 3, 3, 3, 2], { patience: 2 }, 5, 3],
    [[5, 4, 3, 3, 2, 2, 2], { patience: 2 }, 7, 5],
    [[5, 4.5, 4.2, 3.9, 1], { patience: 1, minDelta: 0.5 }, 2, 1],
    [[5, Number.NaN, Number.NaN, 1], { patience: 2 }, 3, 1],
    [[Number.NaN, 1, 2, 3], { patience: 2 }, 4, 2],
    [[1, 2, 3, 2, 2], { patience: 1, mode: 'max' }, 4, 3],
    [[1, 2, 3], { patience: 9 }, 3, 1],
  ] as const)('%j with %j ends after epoch %i and restores epoch %i', async (numbers, options, epochs, best) => {
    let at = 0;
    const weights: Callback = earlyStopping(options);
    const heard = await hearing(weights, numbers);
    expect([heard.epochs, heard.ends.length]).toEqual([epochs, options.patience === 9 ? 0 : 1]);
    // Weights are taken at each better epoch; the last taken are those of the best.
    let kept = Number.NaN;
    for (const [i, value] of numbers.slice(0, epochs).entries()) {
      const more = 'mode' in options ? value > kept : value < kept - ('minDelta' in options ? options.minDelta : 0);
      if (Number.isNaN(kept) ? !Number.isNaN(value) : more) [kept, at] = [value, i + 1];
    }
    expect(at).toBe(best);
    expect(heard.sets).toBe(heard.weights);
  });

  test('more accuracy is better', async () => {
    const heard = await hearing(
      earlyStopping({ monitor: 'trainAccuracy', patience: 1 }),
      [0.1, 0.3, 0.2],
      'trainAccuracy',
    );
    expect([heard.epochs, heard.weights, heard.ends]).toEqual([3, 2, ['earlyStopping']]);
  });

  test('gives the model the weights of its best epoch, unless that is not wanted', async () => {
    // A learning rate that first lowers the loss, then ruins it.
    const at = (t: number) => (t < 3 ? 0.5 : 500);
    const ruinous = () => sgd({ learningRate: { name: 'constant', options: {}, at } });
    const run = async (restoreBest: boolean): Promise<[Model, EpochRecord[], string]> => {
      const model = mlp();
      const callbacks = [earlyStopping({ patience: 2, restoreBest })];
      const options = { epochs: 20, batchSize: 24, optimizer: ruinous(), callbacks, validationData: data };
      const { epochs, reason } = await model.fit(data, options);
      return [model, [...epochs], reason];
    };
    const [model, epochs, reason] = await run(true);
    const losses = epochs.map((e) => e.testLoss!);
    const best = losses.indexOf(Math.min(...losses));
    expect([reason, epochs.length]).toEqual(['earlyStopping', best + 3]);
    expect((await model.evaluate(data)).loss).toBe(losses[best]);
    const [last] = await run(false);
    expect((await last.evaluate(data)).loss).toBe(losses.at(-1));
  });

  test('also where another thing ends the fit, and serves the next fit anew', async () => {
    const stopping = earlyStopping({ patience: 1, monitor: 'trainLoss' });
    const model = mlp();
    const optimizer = sgd({ learningRate: 0 });
    for (let i = 0; i < 2; i++) {
      const { reason, epochs } = await model.fit(data, { epochs: 9, optimizer, shuffle: false, callbacks: [stopping] });
      expect([reason, epochs.length]).toEqual(['earlyStopping', 2]);
    }
  });

  test.each([
    [
      { monitor: 'testLoss' },
      'earlyStopping: the epochs of this fit have no testLoss, but trainLoss, trainAccuracy; give validationData',
    ],
    [{ monitor: 'objective' }, 'have no objective, but trainLoss, trainAccuracy'],
  ] as const)('%j is refused before the first step', async (options, message) => {
    const model = mlp();
    const before = model.weights();
    await expect(model.fit(data, { callbacks: [earlyStopping(options)] })).rejects.toThrow(message);
    expect(model.weights()).toEqual(before);
  });

  test.each([
    [{ patience: 0 }, 'expected a positive integer for patience'],
    [{ patince: 3 }, "unknown option 'patince' (did you mean 'patience'?)"],
    [{ monitor: 'loss' }, 'for monitor but received "loss"'],
    [{ mode: 'auto' }, 'for mode'],
    [{ minDelta: -1 }, 'for minDelta'],
    [{ restoreBest: 1 }, 'for restoreBest'],
  ])('%j is refused', (options, message) => {
    expect(() => earlyStopping(options as never)).toThrow(message);
  });
});

describe('reduceOnPlateau', () => {
  test.each([
    [[5, 4, 4, 4, 4, 4, 4], { patience: 2, factor: 0.1 }, [0.1, 0.1]],
    [[5, 4, 4, 4, 4, 4, 4], { patience: 2, factor: 0.1, cooldown: 2 }, [0.1]],
    [[5, 4, 4, 3, 3, 2, 2], { patience: 2, factor: 0.1 }, []],
    [[5, 4.99995, 4.9999, 4.9], { patience: 2 }, [0.1]],
    [[1, 1, 1, 1], { patience: 1, factor: 0.5, minLearningRate: 0.2 }, [0.5, 0.8]],
  ] as const)('%j with %j scales by %j', async (numbers, options, factors) => {
    const heard = await hearing(reduceOnPlateau(options), numbers);
    expect(heard.factors).toHaveLength(factors.length);
    for (const [i, factor] of factors.entries()) expect(heard.factors[i]).toBeCloseTo(factor, 12);
    if ('minLearningRate' in options) expect(heard.rate).toBe(0.2);
  });

  test('changes the rate of the running fit', async () => {
    const callbacks = [reduceOnPlateau({ patience: 1, factor: 0.5, minDelta: 100 })];
    const optimizer = sgd({ learningRate: 0.5 });
    const { epochs } = await mlp().fit(data, { epochs: 4, optimizer, callbacks });
    expect(epochs.map((e) => e.learningRate)).toEqual([0.5, 0.5, 0.25, 0.125]);
  });

  test.each([
    [{ factor: 1 }, 'for factor'],
    [{ cooldown: -1 }, 'for cooldown'],
    [{ minLearningRate: -1 }, 'for minLearningRate'],
    [{ minLr: 1 }, "unknown option 'minLr'"],
  ])('%j is refused', (options, message) => {
    expect(() => reduceOnPlateau(options as never)).toThrow(message);
  });
});

describe('terminateOnNaN', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('ends soon after a loss of %d', async (value) => {
    const { x, y } = clusters(4000);
    x[400] = value;
    const run = mlp().fit({ x, y }, { epochs: 3, batchSize: 4, shuffle: false, callbacks: [terminateOnNaN()] });
    const { reason, epochs, stopped } = await run;
    expect([reason, stopped, epochs.length]).toEqual(['terminateOnNaN', false, 1]);
    expect(epochs[0]!.steps).toBeGreaterThan(25);
  });

  test('leaves a fit alone whose losses are numbers', async () => {
    expect((await mlp().fit(data, { callbacks: [terminateOnNaN()] })).reason).toBe('epochs');
  });
});

describe('saveBest', () => {
  test('keeps the models of the best epochs, and no others', async () => {
    const dir = join(folder, 'best', 'models');
    const at = (t: number) => [0.5, 0.5, 400, 0, 0.3, 0.3][t]!; // the third epoch ruins it, later ones repair it a little
    const optimizer = sgd({ learningRate: { name: 'constant', options: {}, at } });
    const callbacks = [saveBest({ dir, keep: 2 })];
    const { epochs } = await mlp().fit(data, { epochs: 6, batchSize: 24, optimizer, callbacks, validationData: data });
    const order = epochs.map((e) => e.epoch).sort((a, b) => epochs[a - 1]!.testLoss! - epochs[b - 1]!.testLoss!);
    const wanted = order.slice(0, 2);
    expect(readdirSync(dir)).toEqual(wanted.toSorted().map((epoch) => `epoch-000${epoch}.safetensors`));
    for (const epoch of wanted) {
      const model = await loadModel(join(dir, `epoch-000${epoch}.safetensors`), { device: 'reference' });
      expect((await model.evaluate(data)).loss).toBe(epochs[epoch - 1]!.testLoss);
    }
  });

  test('refuses what it cannot do', async () => {
    expect(() => saveBest(undefined as never)).toThrow(TypeError);
    expect(() => saveBest({} as never)).toThrow('expected a path or a file URL for path but received undefined');
    expect(() => saveBest({ dir: 'a', keep: 0 })).toThrow('for keep');
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(mlp().fit(data, { callbacks: [saveBest({ dir: file })] })).rejects.toMatchObject({ code: 'ERR_FILE' });
  });
});

describe('logs', () => {
  const lines = (name: string) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');

  test('csv: a table of the epochs', async () => {
    const { epochs } = await mlp().fit(data, { epochs: 2, callbacks: [csvLog(join(folder, 'log.csv'))], C: 10 });
    const [head, ...rows] = lines('log.csv').map((line) => line.split(','));
    expect(head).toContain('learningRate');
    expect(rows).toHaveLength(2);
    for (const [i, row] of rows.entries())
      for (const [j, name] of head!.entries()) expect(row[j]).toBe(String(epochs[i]![name as keyof EpochRecord] ?? ''));
  });

  test('jsonl: the events of train --json', async () => {
    const model = mlp();
    const callbacks = [jsonlLog(join(folder, 'log.jsonl')), earlyStopping({ patience: 1, minDelta: 100 })];
    const { epochs } = await model.fit(data, { epochs: 5, callbacks, validationData: data });
    const pick = ({ kind: _, steps: __, ...figures }: EpochRecord) => figures;
    expect(lines('log.jsonl').map((line) => JSON.parse(line))).toEqual([
      { event: 'start', device: 'reference', parameters: model.parameterCount },
      ...epochs.map((record) => ({ event: 'epoch', ...pick(record) })),
      { event: 'done', ...pick(epochs.at(-1)!), reason: 'earlyStopping' },
    ]);
    expect(epochs).toHaveLength(2);
  });

  test('begin a new file, or go on with the old one', async () => {
    const path = join(folder, 'again.csv');
    for (const append of [false, false, true]) await mlp().fit(data, { callbacks: [csvLog(path, { append })] });
    expect(lines('again.csv').map((line) => line.split(',')[0])).toEqual(['epoch', '1', '1']);
  });

  test('that cannot be written end the fit before its first step', async () => {
    const model = mlp();
    const before = model.weights();
    for (const log of [csvLog, jsonlLog])
      await expect(model.fit(data, { callbacks: [log(join(folder, 'no', 'log'))] })).rejects.toMatchObject({
        code: 'ERR_FILE',
        message: expect.stringMatching(/^(csv|jsonl)Log: expected a file to write for the log but .*ENOENT$/),
      });
    expect(model.weights()).toEqual(before);
    expect(() => csvLog('')).toThrow(TypeError);
    expect(() => jsonlLog('a', { append: 1 as never })).toThrow('for append');
  });
});
