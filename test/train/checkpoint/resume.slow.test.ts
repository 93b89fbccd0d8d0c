/** A fit that is interrupted and resumed comes to the bits of one that is not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../../lib/data/pipeline.js';
import { optimizerFrom } from '../../../lib/optimizers/registry.js';
import type { Callback } from '../../../lib/train/callbacks/callback.js';
import { earlyStopping } from '../../../lib/train/callbacks/early-stopping.js';
import { csvLog, jsonlLog } from '../../../lib/train/callbacks/logs.js';
import { reduceOnPlateau } from '../../../lib/train/callbacks/reduce-on-plateau.js';
import { saveBest } from '../../../lib/train/callbacks/save-best.js';
import type { FitOptions } from '../../../lib/train/options.js';
import { hasCpu } from '../tiny.js';
import { bothWays, everything, images, inFolder, net, outcome, severalBatches } from './resumed.js';

const devices = (['reference', 'cpu'] as const).filter((device) => device === 'reference' || hasCpu());

test.each(devices)('on %s, with a schedule, clipping and decay, stopped twice', async (device) => {
  const { wanted, resumed } = await bothWays(() => net({ device }), everything('adam'), [4, 5]);
  expect(resumed).toEqual(wanted);
});

test('in the middle of an update by several batches', async () => {
  const { wanted, resumed } = await bothWays(net, severalBatches, [5, 2]);
  expect(resumed).toEqual(wanted);
});

test('of a model that was trained before, with the state that its optimizer had', async () => {
  const make = () => net();
  const options = (): FitOptions => ({ epochs: 2, batchSize: 8, optimizer: 'adam' });
  const one = make();
  await one.fit(images, { ...options(), epochs: 1 });
  const wanted = outcome(one, await one.fit(images, options()));
  await inFolder(async (dir) => {
    const first = make();
    await first.fit(images, { ...options(), epochs: 1 });
    let steps = 0;
    const run = first.fit(images, { ...options(), checkpoint: dir, onBatchEnd: () => ++steps === 4 && run.stop() });
    await run;
    const second = make();
    const resumed = outcome(second, await second.fit(images, { ...options(), checkpoint: dir, resume: true }));
    expect(resumed).toEqual(wanted);
  });
});

describe('streams', () => {
  test('of a function are asked for the epoch, and left where they were', async () => {
    const epochs: number[] = [];
    const data = () => (epoch: number) => {
      epochs.push(epoch);
      return pipeline(images).shuffle({ seed: 3 }).batch(8).epoch(epoch);
    };
    const { wanted, resumed } = await bothWays(net, () => ({ epochs: 2 }), [4, 5], data as never);
    expect(resumed).toEqual(wanted);
    expect(epochs).toEqual([0, 1, 0, 0, 1, 1]);
  });

  test('that are shorter than they were are told apart', async () => {
    const batches = (count: number) => () => pipeline(images).batch(8).take(count);
    await inFolder(async (dir) => {
      const run = net().fit(batches(5), { checkpoint: dir, onBatchEnd: ({ step }) => step === 3 && run.stop() });
      await run;
      await expect(net().fit(batches(2), { checkpoint: dir, resume: true })).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT',
        message: 'fit: the stream has 2 batches, but the checkpoint was made after 3 of this epoch',
      });
    });
  });
});

describe('callbacks', () => {
  test('go on as they were: patience, the best weights, the learning rate, their own', async () => {
    const seen: unknown[] = [];
    const counting = (): Callback => {
      let epochs = 0;
      return {
        name: 'counting',
        onTrainBegin: (_, state) => {
          epochs = (state?.json as number | undefined) ?? 0;
          seen.push(epochs);
        },
        onEpochEnd: ({ partial }) => {
          if (!partial) epochs++;
        },
        state: () => ({ json: epochs }),
      };
    };
    const options = (): FitOptions => ({
      ...{ epochs: 9, batchSize: 16, optimizer: optimizerFrom('sgd', { learningRate: 0.3 }), validationData: images },
      callbacks: [
        earlyStopping({ monitor: 'testAccuracy', patience: 3, minDelta: 0.02 }),
        reduceOnPlateau({ patience: 1, factor: 0.5, minDelta: 0.05 }),
        reduceOnPlateau({ monitor: 'trainLoss', patience: 2, factor: 0.9, minDelta: 0.2 }),
        counting(),
      ],
    });
    const { wanted, resumed } = await bothWays(net, options, [4, 3, 3]);
    expect(resumed).toEqual(wanted);
    expect(wanted.reason).toBe('earlyStopping');
    expect(new Set(wanted.epochs.map((e) => e.learningRate)).size).toBeGreaterThan(1);
    expect(seen).toEqual([0, 0, 1, 2, 3]);
  });

  test('that ended a fit have ended it when it is resumed, too', async () => {
    await inFolder(async (dir) => {
      const train = async () => {
        const model = net();
        const callbacks = [earlyStopping({ patience: 1, minDelta: 9 })];
        return outcome(model, await model.fit(images, { epochs: 5, checkpoint: dir, resume: true, callbacks }));
      };
      const first = await train();
      expect([first.reason, first.epochs.length]).toEqual(['earlyStopping', 2]);
      expect(await train()).toEqual(first);
    });
  });

  test('say and keep nothing twice: logs, the best models', async () => {
    await inFolder(async (dir) => {
      const options = (): FitOptions => ({
        ...{ epochs: 4, batchSize: 16, checkpoint: join(dir, 'run'), resume: true, validationData: images },
        callbacks: [
          csvLog(join(dir, 'log.csv')),
          jsonlLog(join(dir, 'log.jsonl')),
          saveBest({ dir: join(dir, 'best'), keep: 2 }),
        ],
      });
      for (const stop of [4, 2, 1]) {
        let steps = 0;
        const run = net().fit(images, { ...options(), onBatchEnd: () => ++steps === stop && run.stop() });
        await run;
      }
      const { epochs } = await net().fit(images, options());
      const lines = (name: string) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n');
      expect(lines('log.csv').map((line) => line.split(',')[0])).toEqual(['epoch', '1', '2', '3', '4']);
      expect(lines('log.jsonl').map((line) => JSON.parse(line).event)).toEqual([
        ...['start', 'epoch', 'epoch', 'epoch', 'epoch', 'done'],
      ]);
      const losses = epochs.map((e) => e.testLoss!);
      const best = losses
        .map((_, i) => i + 1)
        .sort((a, b) => losses[a - 1]! - losses[b - 1]!)
        .slice(0, 2)
        .sort();
      expect(readdirSync(join(dir, 'best'))).toEqual(best.map((epoch) => `epoch-000${epoch}.safetensors`));
    });
  });
});

test('a finished fit has nothing left to do, and goes on to more epochs', async () => {
  await inFolder(async (dir) => {
    const options = { batchSize: 8, checkpoint: dir, resume: true };
    const one = net();
    const first = outcome(one, await one.fit(images, { ...options, epochs: 2 }));
    const again = net();
    expect(outcome(again, await again.fit(images, { ...options, epochs: 2 }))).toEqual(first);
    const longer = net();
    const records: number[] = [];
    const run = longer.fit(images, { ...options, epochs: 3 });
    for await (const { epoch } of run) records.push(epoch);
    expect(records).toEqual([3]);
    const plain = net();
    expect(outcome(longer, await run)).toEqual(outcome(plain, await plain.fit(images, { batchSize: 8, epochs: 3 })));
  });
});

describe('run.checkpoint()', () => {
  const options: FitOptions = { epochs: 3, batchSize: 2 };

  test('keeps a running, a paused and a just begun fit', async () => {
    const plain = net();
    const wanted = outcome(plain, await plain.fit(images, options));
    await inFolder(async (dir) => {
      const model = net();
      const run = model.fit(images, options);
      const files = [run.checkpoint(join(dir, 'first'))];
      await run.pause();
      files.push(run.checkpoint(join(dir, 'paused')));
      await files[1];
      run.resume();
      await new Promise((resolve) => setTimeout(resolve, 5));
      files.push(run.checkpoint(join(dir, 'running')));
      expect(outcome(model, await run)).toEqual(wanted);
      for (const file of await Promise.all(files)) {
        const resumed = net();
        expect(outcome(resumed, await resumed.fit(images, { ...options, resume: file }))).toEqual(wanted);
      }
    });
  });

  test('may be awaited in callbacks; an epoch that was not yet over ends once more', async () => {
    const plain = net();
    const settings = (): FitOptions => ({ ...options, callbacks: [reduceOnPlateau({ patience: 1, minDelta: 1 })] });
    const wanted = outcome(plain, await plain.fit(images, settings()));
    await inFolder(async (dir) => {
      const files: Promise<string>[] = [];
      const keep = (name: string) => {
        files.push(run.checkpoint(join(dir, name)));
        return files.at(-1);
      };
      const run = net().fit(images, {
        ...settings(),
        onBatchEnd: ({ epoch, step }) => epoch === 2 && step === 3 && keep('step'),
        onEpochEnd: ({ epoch }) => keep(`epoch-${epoch}`),
      });
      await run;
      for (const file of await Promise.all(files)) {
        const resumed = net();
        const seen: number[] = [];
        const onEpochEnd = ({ epoch }: { epoch: number }) => seen.push(epoch);
        const history = await resumed.fit(images, { ...settings(), resume: file, onEpochEnd });
        expect(outcome(resumed, history)).toEqual(wanted);
        const first = Number(/epoch-(\d)/.exec(file)?.[1] ?? 2);
        expect(seen).toEqual([1, 2, 3].filter((epoch) => epoch >= first));
      }
    });
  });

  test('rejects where there is no place, and after the end', async () => {
    const run = net().fit(images, options);
    await expect(run.checkpoint()).rejects.toThrow('checkpoint: give a path, or the run the option checkpoint');
    await expect(run.checkpoint(3 as never)).rejects.toThrow(TypeError);
    await expect(run.checkpoint('/no/such/folder/file')).rejects.toMatchObject({ code: 'ERR_FILE' });
    await run;
    await expect(run.checkpoint('x')).rejects.toThrow('checkpoint: the run has ended');
    const failing = net().fit(images, { epochs: 0 });
    await expect(failing.checkpoint('x')).rejects.toThrow('checkpoint: the run has ended');
    await expect(failing).rejects.toThrow(RangeError);
  });
});
