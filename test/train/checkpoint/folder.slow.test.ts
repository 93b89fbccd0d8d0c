/** Checkpoints as files: when they are written, how many are kept, and what becomes of damaged ones. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors, readSafetensors } from '../../../lib/formats/safetensors.js';
import { batchNorm } from '../../../lib/layers/batch-norm.js';
import { conv2d } from '../../../lib/layers/conv2d.js';
import { dense } from '../../../lib/layers/dense.js';
import { dropout } from '../../../lib/layers/dropout.js';
import { flatten } from '../../../lib/layers/flatten.js';
import { maxPool2d } from '../../../lib/layers/max-pool2d.js';
import { Damage, readCheckpoint } from '../../../lib/train/checkpoint/file.js';
import { sequential } from '../../../lib/train/model.js';
import type { FitOptions } from '../../../lib/train/options.js';
import { clusters } from '../tiny.js';
import { images, inFolder, net, outcome } from './resumed.js';

const options: FitOptions = { epochs: 2, batchSize: 8 };
const names = (dir: string) => readdirSync(dir).sort();
const name = (steps: number) => `checkpoint-${String(steps).padStart(10, '0')}.safetensors`;

/** A folder with the checkpoints of 6 and 12 steps; what `work` returns, and the warnings meanwhile. */
async function kept<T>(work: (dir: string, wanted: ReturnType<typeof outcome>) => Promise<T>): Promise<string[]> {
  const warnings: string[] = [];
  const listen = ({ message }: Error) => warnings.push(message);
  process.on('warning', listen);
  try {
    await inFolder(async (dir) => {
      const model = net();
      const wanted = outcome(model, await model.fit(images, { ...options, checkpoint: dir }));
      expect(names(dir)).toEqual([name(6), name(12)]);
      await work(dir, wanted);
    });
    await new Promise(setImmediate);
  } finally {
    process.off('warning', listen);
  }
  return warnings;
}

const resume = (path: string, more: FitOptions = {}, data = images) =>
  net().fit(data, { ...options, resume: path, ...more });

describe('checkpoints', () => {
  test('come after each epoch and every so many steps; the last two are kept', async () => {
    await inFolder(async (dir) => {
      await net().fit(images, { ...options, checkpoint: join(dir, 'a', 'b'), checkpointEvery: 4 });
      expect(names(join(dir, 'a', 'b'))).toEqual([name(8), name(12)]);
      const seen = new Set<string>();
      const onBatchEnd = async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        for (const file of names(dir)) seen.add(file);
      };
      await net().fit(images, { ...options, checkpoint: dir, checkpointEvery: { seconds: 1e-6 }, onBatchEnd });
      expect([1, 2, 3, 4, 5, 7, 8, 9, 10, 11].some((steps) => seen.has(name(steps)))).toBe(true);
      expect(names(dir)).toEqual(['a', expect.stringMatching(/^checkpoint/), name(12)]);
    });
  });

  test('every so many steps means just these, whatever runs together', async () => {
    await inFolder(async (dir) => {
      const { x, y } = clusters(600, 64);
      const run = net().fit({ x, y }, { batchSize: 2, checkpoint: dir, checkpointEvery: 140 });
      await run;
      expect(names(dir)).toEqual([name(280), name(300)]);
    });
  });

  test('are safetensors files with the parameters by their names', async () => {
    await kept(async (dir, { weights }) => {
      const { tensors, metadata } = await readSafetensors(join(dir, name(12)));
      expect(metadata).toMatchObject({ format: 'steepest-checkpoint', version: '1' });
      for (const { name, shape, values } of weights) expect(tensors[name]).toMatchObject({ shape, data: values });
      expect(Object.keys(tensors).filter((key) => key.startsWith('optimizer/'))).toHaveLength(2 * 5); // s and r of adam
    });
  });

  test('of another run in the folder are not written over; what a killed process left is removed', async () => {
    await kept(async (dir) => {
      const before = names(dir);
      await expect(net().fit(images, { ...options, checkpoint: dir })).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT',
        message: expect.stringMatching(
          /^fit: '.*' has checkpoints of an earlier run: resume it, .*0012\.safetensors'\)$/,
        ),
      });
      expect(names(dir)).toEqual(before);
      await expect(resume(join(dir, name(6)), { checkpoint: dir })).rejects.toThrow(
        'has later checkpoints: resume those',
      );
      writeFileSync(join(dir, `${name(3)}.01234567-89ab-cdef-0123-456789abcdef`), '');
      writeFileSync(join(dir, 'mine.01234567-89ab-cdef-0123-456789abcdef'), '');
      await resume(dir, { checkpoint: dir });
      expect(names(dir)).toEqual([...before, 'mine.01234567-89ab-cdef-0123-456789abcdef']);
    });
  });

  test('that cannot be written end the fit', async () => {
    await inFolder(async (dir) => {
      writeFileSync(join(dir, 'file'), '');
      const failing = net().fit(images, { ...options, checkpoint: join(dir, 'file') });
      await expect(failing).rejects.toMatchObject({ code: 'ERR_FILE' });
      const folder = join(dir, 'folder');
      const run = net().fit(images, {
        ...{ ...options, checkpoint: folder, epochs: 50 },
        onEpochEnd: ({ epoch }) => {
          if (epoch !== 1) return;
          // What stands in the way of the next file.
          for (let steps = 6; steps <= 300; steps++) mkdirSync(join(folder, name(steps)), { recursive: true });
        },
      });
      await expect(run).rejects.toMatchObject({ code: 'ERR_FILE' });
      expect(run.status.state).toBe('failed');
    });
  });
});

describe('a damaged checkpoint', () => {
  const damages: readonly [string, RegExp, (file: string) => void][] = [
    ['cut in its values', /it ends|tensors|bytes/, (file) => truncateSync(file, readFileSync(file).length - 10)],
    ['cut in its header', /header/, (file) => truncateSync(file, 100)],
    ['cut to nothing', /it is empty/, (file) => truncateSync(file, 0)],
    ['cut to 5 bytes', /8 bytes/, (file) => truncateSync(file, 5)],
    ['longer', /./, (file) => writeFileSync(file, 'more', { flag: 'a' })],
    ['of zeros', /./, (file) => writeFileSync(file, Buffer.alloc(3000))],
    ['with another value', /checksum is .* where it says/, (file) => flip(file, (length) => length - 1)],
  ];
  const flip = (file: string, at: (length: number) => number) => {
    const bytes = readFileSync(file);
    bytes[at(bytes.length)]! ^= 1;
    writeFileSync(file, bytes);
  };

  test.each(damages)('%s: what is wrong is said, and the one before is offered, and taken', async (_, what, damage) => {
    const warnings = await kept(async (dir, wanted) => {
      const [before, file] = [join(dir, name(6)), join(dir, name(12))];
      damage(file);
      const error = (await resume(file).catch((e) => e)) as Error;
      expect(error).toMatchObject({ code: 'ERR_CHECKPOINT' });
      expect(error.message).toMatch(new RegExp(`^fit: the checkpoint '${file}' is damaged: `));
      expect(error.message).toMatch(what);
      expect(error.message).toContain(`; the one before it, '${before}', is whole`);
      const model = net();
      expect(outcome(model, await model.fit(images, { ...options, checkpoint: dir, resume: true }))).toEqual(wanted);
      expect(names(dir)).toEqual([name(6), name(12), `${name(12)}.damaged`]);
    });
    expect(warnings).toEqual([
      expect.stringMatching(/is damaged \(.*\) and now has \.damaged behind its name; resuming '.*0006\.safetensors'$/),
    ]);
  });

  test('is found out by any of its bytes', async () => {
    await kept(async (dir) => {
      const file = join(dir, name(12));
      const { length } = readFileSync(file);
      for (let i = 0; i < 60; i++) {
        const place = Math.floor((i * length) / 60);
        flip(file, () => place);
        await expect(readCheckpoint('fit', file), `byte ${place}`).rejects.toSatisfy(
          (error) => error instanceof Damage || error.code === 'ERR_CHECKPOINT',
        );
        flip(file, () => place);
      }
      await readCheckpoint('fit', file);
    });
  });

  test('beside another one: neither can be resumed, and nothing changes', async () => {
    await kept(async (dir) => {
      for (const steps of [6, 12]) truncateSync(join(dir, name(steps)), 300);
      const model = net();
      const before = model.weights();
      const run = model.fit(images, { ...options, checkpoint: dir, resume: true });
      await expect(run).rejects.toThrow(
        /no checkpoint is whole: '.*0012\.safetensors' \(.*\) is damaged, and so is '.*0006/,
      );
      expect(model.weights()).toEqual(before);
      await expect(resume(join(dir, name(12)))).rejects.not.toThrow('is whole');
      expect(names(dir)).toEqual([name(6), name(12)]);
    });
  });
});

describe('a checkpoint that does not fit', () => {
  const edit = (file: string, change: (metadata: Record<string, string>) => Record<string, string>) => {
    const { tensors, metadata } = decodeSafetensors(readFileSync(file));
    writeFileSync(file, encodeSafetensors(tensors, change({ ...metadata })));
  };

  test('is refused by what is wrong with it, and nothing changes', async () => {
    await kept(async (dir) => {
      const file = join(dir, name(12));
      const refused = async (more: FitOptions, message: string, make = net, data: object = images) => {
        const model = make();
        const before = model.weights();
        const run = model.fit(data as typeof images, { ...options, resume: file, ...more });
        await expect(run, message).rejects.toMatchObject({
          code: 'ERR_CHECKPOINT',
          message: expect.stringContaining(`fit: the checkpoint '${file}' ${message}`),
        });
        expect(model.weights()).toEqual(before);
      };
      await refused({ batchSize: 9 }, 'was made with batchSize 8, but here it is 9');
      await refused({ optimizer: 'sgd' }, 'was made with optimizer ["adam",');
      await refused({ C: 3 }, 'was made with C "Infinity", but here it is "3"');
      await refused({ clipNorm: 3 }, 'was made with clipNorm null, but here it is 3');
      await refused({ seed: 77 }, 'was made with seed 5, but here it is 77');
      await refused({ accumulate: 2 }, 'was made with accumulate 1, but here it is 2');
      await refused({ classWeights: [1, 2, 3] }, 'was made with classWeights null, but here it is [1,2,3]');
      await refused({ shuffle: false }, 'was made with shuffle true, but here it is false');
      await refused({}, "was made with the model's seed 5, but here it is 6", () => net({ seed: 6 }));
      await refused({}, 'has values in F32, but the model computes in F64', () => net({ precision: 'float64' }));
      await refused({}, 'was made with rows 46, but here it is 45', net, clusters(45, 64));
      const other = (...layers: Parameters<typeof sequential>[1]) =>
        sequential({ inputShape: [8, 8, 1], seed: 5, device: 'reference' }, layers);
      const [conv, drop] = [conv2d({ filters: 5, kernelSize: 3, padding: 1, useBias: false }), { rate: 0.5 }];
      await refused({}, 'is of another model: the model has no batchNorm_1.', () =>
        other(flatten(), dense({ units: 3 })),
      );
      await refused({}, 'is of another model: its conv2d_1.weights has shape [3, 3, 1, 4] where the model has', () =>
        other(conv, batchNorm({ activation: 'relu' }), maxPool2d(), flatten(), dense({ units: 3 })),
      );
      await refused({}, 'is of another model: its layers are connected in another way, or have other options', () =>
        sequential({ inputShape: [8, 8, 1], seed: 5, device: 'reference' }, [
          ...net().layers.slice(0, 4),
          dropout(drop),
          dense({ units: 3 }),
        ]),
      );
    });
  });

  test('of another version, format or shape', async () => {
    await kept(async (dir) => {
      const file = join(dir, name(12));
      const copy = join(dir, 'copy');
      const edited = async (change: Parameters<typeof edit>[1], message: string | RegExp) => {
        copyFileSync(file, copy);
        edit(copy, change);
        await expect(resume(copy)).rejects.toThrow(message);
      };
      await edited((m) => ({ ...m, version: '2' }), 'is of version 2, but this steepest reads version 1');
      await edited(({ format: _, ...m }) => m, 'is none: it has tensors, but no state of a run');
      await edited(({ sha256: _, ...m }) => m, 'is damaged: it has no checksum');
      await edited(({ state: _, ...m }) => m, 'is damaged: its checksum');
      writeFileSync(copy, readFileSync(__filename));
      await expect(resume(copy)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT' });
    });
  });

  test('is not there', async () => {
    await inFolder(async (dir) => {
      await expect(resume(join(dir, 'no'))).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT',
        message: `fit: the checkpoint '${join(dir, 'no')}' is not there`,
      });
      await expect(resume(dir)).rejects.toThrow(`'${dir}' is a folder without any`);
      // `true` is for those who begin and go on by the same command.
      const model = net();
      await model.fit(images, { ...options, epochs: 1, checkpoint: join(dir, 'new'), resume: true });
      expect(existsSync(join(dir, 'new', name(6)))).toBe(true);
    });
  });

  test.each([
    [{ resume: true }, 'fit: resume: true needs the option checkpoint'],
    [{ checkpointEvery: 3 }, 'fit: checkpointEvery needs the option checkpoint'],
    [{ checkpoint: '' }, 'expected a path or a file URL for path but received ""'],
    [{ checkpoint: 'a', checkpointEvery: 0 }, 'expected a positive integer for checkpointEvery but received 0'],
    [{ checkpoint: 'a', checkpointEvery: { seconds: 0 } }, 'for checkpointEvery.seconds but received 0'],
    [{ checkpoint: 'a', checkpointEvery: { minutes: 1 } }, "fit: checkpointEvery: unknown option 'minutes'"],
    [{ checkpoint: 'a', resume: 3 }, 'expected a path or a file URL for path but received 3'],
  ])('%j is refused', async (more, message) => {
    await expect(net().fit(images, more as never)).rejects.toThrow(message);
  });
});
