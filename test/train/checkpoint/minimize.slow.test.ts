/** Whole-data training that is interrupted and resumed, beside the same in one piece. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../../lib/train/checkpoint/file.js';
import type { MinimizeOptions } from '../../../lib/train/minimize-options.js';
import type { Model } from '../../../lib/train/model.js';
import { noCuda } from '../../helpers/cuda.js';
import { clusters, mlp } from '../tiny.js';
import { images, inFolder, net } from './resumed.js';

const methods: MinimizeOptions[] = [
  { method: 'newton-cg', sampleSize: 12 },
  { method: 'lbfgs', memory: 3 },
  { method: 'gradient-descent' },
];
const common = { iterations: 6, tolerance: 0, batchSize: 16, C: 5, validationData: images } as const;

async function outcome(model: Model, run: ReturnType<Model['minimize']>) {
  const { iterations, ...rest } = await run;
  return { ...rest, iterations: iterations.map(({ seconds: _, ...record }) => record), weights: model.weights() };
}

describe.each(['reference', 'float64', 'cpu', 'cuda'] as const)('on %s', (where) => {
  const make = () => net(where === 'float64' ? { precision: 'float64' } : { device: where });
  const skip = (where === 'cpu' || where === 'cuda') && noCuda;

  test.skipIf(skip).each(methods)('$method comes to the same bits, stopped at any iteration', async (method) => {
    const options = { ...method, ...common };
    const one = make();
    const wanted = await outcome(one, one.minimize(images, options));
    expect(wanted.iterations).toHaveLength(7);
    for (const stops of [[0, 1], [3], [1, 2, 1]])
      await inFolder(async (dir) => {
        for (const stop of stops) {
          let count = 0;
          const run = make().minimize(images, {
            ...{ ...options, checkpoint: dir, resume: true },
            onIteration: () => count++ === stop && run.stop(),
          });
          expect((await run).stopped).toBe(true);
        }
        const last = make();
        expect(await outcome(last, last.minimize(images, { ...options, checkpoint: dir, resume: true }))).toEqual(
          wanted,
        );
      });
  });
});

const data = clusters(40);
const options = { method: 'lbfgs', iterations: 8, tolerance: 0 } as const;

async function uninterrupted() {
  const model = mlp();
  return outcome(model, model.minimize(data, options));
}

/** What comes of a checkpoint. */
async function resumed(file: string, more: object = {}) {
  const model = mlp();
  return outcome(model, model.minimize(data, { ...options, resume: file, ...more }));
}

test('checkpoints are those of the last iteration: in a callback, in the middle of the next one, while paused', async () => {
  const rows = [1, 5, 7, 12, 30];
  const newton = { method: 'newton-cg', iterations: 5, tolerance: 0, sample: () => rows } as const;
  const [one, other] = [mlp(), mlp()];
  const wanted = await outcome(one, one.minimize(data, newton));
  await inFolder(async (dir) => {
    const at = (name: string) => join(dir, name);
    const asked: Promise<string>[] = [];
    const run = other.minimize(data, {
      ...newton,
      onIteration: async ({ iteration }) => {
        if (iteration === 0 || iteration === 2) await run.checkpoint(at(`callback-${iteration}`));
      },
      sample: (iteration) => {
        if (iteration === 3) asked.push(run.checkpoint(at('middle')));
        return rows;
      },
    });
    await run.pause();
    await run.checkpoint(at('paused'));
    run.resume();
    expect(await outcome(other, run)).toEqual(wanted);
    await Promise.all(asked);
    expect(readdirSync(dir).sort()).toEqual(['callback-0', 'callback-2', 'middle', 'paused']);
    for (const [name, left] of Object.entries({ 'callback-0': 5, 'callback-2': 3, middle: 3, paused: 6 })) {
      const model = mlp();
      const rest = model.minimize(data, { ...newton, resume: at(name) });
      let records = 0;
      for await (const _ of rest) records++;
      expect([name, records]).toEqual([name, left]);
      expect(await outcome(model, rest), name).toEqual(wanted);
    }
    await expect(run.checkpoint(at('late'))).rejects.toThrow('checkpoint: the run has ended');
  });
});

test('two are kept, the last at the end; later runs go further', async () => {
  await inFolder(async (dir) => {
    const first = mlp();
    await first.minimize(data, { ...options, iterations: 5, checkpoint: dir, checkpointEvery: 2 });
    expect(readdirSync(dir).sort()).toEqual([4, 5].map((n) => `checkpoint-${String(n).padStart(10, '0')}.safetensors`));
    const model = mlp();
    const further = model.minimize(data, { ...options, checkpoint: dir, resume: true });
    const seen: number[] = [];
    for await (const { iteration } of further) seen.push(iteration);
    expect(seen).toEqual([6, 7, 8]);
    expect(await outcome(model, further)).toEqual(await uninterrupted());
    await expect(mlp().minimize(data, { ...options, checkpoint: dir })).rejects.toThrow(
      `minimize: '${dir}' has checkpoints of an earlier run`,
    );
  });
});

test('an iteration whose validation was ended is done again', async () => {
  const all = { ...options, validationData: data };
  const one = mlp();
  const wanted = await outcome(one, one.minimize(data, all));
  await inFolder(async (dir) => {
    const run = mlp().minimize(data, { ...all, checkpoint: dir });
    for await (const { iteration } of run) if (iteration === 3) break; // stops the run, wherever it then is
    await run;
    const last = mlp();
    expect(await outcome(last, last.minimize(data, { ...all, checkpoint: dir, resume: true }))).toEqual(wanted);
  });
});

/** A checkpoint in a folder. */
async function keptIn(dir: string): Promise<string> {
  const run = mlp().minimize(data, options);
  const file = await run.checkpoint(join(dir, 'a'));
  await run;
  return file;
}

describe('ERR_CHECKPOINT', () => {
  const error = (file: string, message: string) =>
    expect.objectContaining({
      code: 'ERR_CHECKPOINT',
      message: expect.stringContaining(`minimize: the checkpoint '${file}' ${message}`),
    });

  test('where it is of another run', () =>
    inFolder(async (dir) => {
      const file = await keptIn(dir);
      const others: [object, string][] = [
        [{ method: 'newton-cg' }, 'was made with method "lbfgs", but here it is "newton-cg"'],
        [{ C: 3 }, 'was made with C "0.4", but here it is "3"'],
        [{ memory: 4 }, 'was made with memory 10, but here it is 4'],
        [{ loss: 'squaredError' }, 'was made with loss'],
      ];
      for (const [more, message] of others) await expect(resumed(file, more)).rejects.toEqual(error(file, message));
      const model = mlp({ seed: 2 });
      await expect(model.minimize(data, { ...options, resume: file })).rejects.toEqual(
        error(file, "was made with the model's seed 1, but here it is 2"),
      );
      await expect(model.fit(data, { resume: file })).rejects.toThrow(
        `fit: the checkpoint '${file}' has no state of a fit`,
      );
      const fit = mlp().fit(data, { epochs: 2 });
      await fit.checkpoint(join(dir, 'fit'));
      await fit;
      await expect(resumed(join(dir, 'fit'))).rejects.toEqual(error(join(dir, 'fit'), 'has no state of minimize'));
      expect(model.weights()).toEqual(mlp({ seed: 2 }).weights());
    }));

  test('where it is damaged, or says what cannot be', () =>
    inFolder(async (dir) => {
      const file = await keptIn(dir);
      const bytes = readFileSync(file);
      writeFileSync(join(dir, 'short'), bytes.subarray(0, bytes.length - 8));
      await expect(resumed(join(dir, 'short'))).rejects.toEqual(error(join(dir, 'short'), 'is damaged: '));
      const { state, tensors } = await readCheckpoint('minimize', file);
      const { 'solver/theta': theta, ...fewer } = tensors;
      const wrong: [object, typeof tensors, string][] = [
        [{ iteration: -1 }, tensors, 'has no count for iteration but -1'],
        [{ vectors: 'two' }, tensors, 'has no count for vectors but "two"'],
        [{ vectors: 40 }, tensors, 'has no solver/'],
        [{ numbers: { enough: 'little' } }, tensors, 'has no number for enough but "little"'],
        [{ numbers: null }, tensors, 'has no state of minimize'],
        [{ iteration: 3 }, tensors, 'has no state of minimize'],
        [{ records: 1 }, tensors, 'has no state of minimize'],
        [{}, fewer, 'has no solver/theta'],
        [
          {},
          { ...tensors, 'solver/theta': { ...theta!, data: theta!.data.slice(1), shape: [theta!.data.length - 1] } },
          'has no solver/theta',
        ],
      ];
      for (const [change, with_, message] of wrong) {
        const other = join(dir, 'other');
        await writeCheckpoint('minimize', other, {
          state: { ...(state as object), ...change },
          tensors: with_ as typeof tensors,
        });
        await expect(resumed(other)).rejects.toEqual(error(other, message));
      }
      expect(existsSync(file)).toBe(true);
    }));
});
