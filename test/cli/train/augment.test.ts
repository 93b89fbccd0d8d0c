/** `--augment`: the list that an option spells, the batches that come of it, and what it does not go with. */
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type AugmentArguments, addAugmentOptions, augmented, sameBatches } from '../../../lib/cli/train/augment.js';
import type { Images } from '../../../lib/cli/train/data.js';
import type { FitContext } from '../../../lib/train/callbacks/callback.js';
import { runCommand } from '../../helpers/fake-io.js';
import { folderOf } from '../../helpers/temporary.js';

const read = (...args: string[]): AugmentArguments =>
  addAugmentOptions(new Command()).parse(args, { from: 'user' }).opts();
/** Five images of 2 x 2, each of one value. */
const images: Images = {
  x: Uint8Array.from({ length: 20 }, (_, i) => 10 * (1 + (i >> 2))),
  y: Uint8Array.of(0, 1, 2, 3, 4),
  ...{ count: 5, shape: [2, 2, 1], classes: 5 },
};
async function batchesOf(options: AugmentArguments, seed: number, epoch: number) {
  const batches: [ArrayLike<unknown>, readonly number[]][] = [];
  for await (const { x, y } of augmented(images, options, { seed, batchSize: 2 }).epoch(epoch))
    batches.push([x, y as number[]]);
  return batches;
}

describe('--augment', () => {
  it('spells augmentations with their numbers', () => {
    expect(
      read('--augment', 'flip,crop=4, cutout=8,rotate=15,brightness=0.2,flip=0', '--augment-threads', '0'),
    ).toEqual({
      augment: [
        { name: 'flip', axis: 'horizontal', probability: 0.5 },
        { name: 'cropPadded', padding: 4, fill: 0 },
        { name: 'cutout', size: 8, fill: 0 },
        { name: 'rotate', degrees: 15, fill: 0 },
        { name: 'brightness', amount: 0.2 },
        { name: 'flip', axis: 'horizontal', probability: 0 },
      ],
      augmentThreads: 0,
    });
  });

  it('makes batches that depend on the seed and the epoch, each image once', async () => {
    const options = read('--augment', 'brightness=0.5', '--augment-threads', '0');
    expect(augmented(images, options, { seed: 1, batchSize: 2 }).size).toBe(3);
    const first = await batchesOf(options, 1, 0);
    expect(first.map(([x]) => x.length)).toEqual([8, 8, 4]);
    expect(first.flatMap(([, y]) => y).sort()).toEqual([0, 1, 2, 3, 4]);
    expect(await batchesOf(options, 1, 0)).toEqual(first);
    expect(await batchesOf(options, 2, 0)).not.toEqual(first);
    expect(await batchesOf(options, 1, 1)).not.toEqual(first);
    expect(images.x[0]).toBe(10); // the images themselves stay
  });

  it('leaves images in their order, and out, where that is asked for', async () => {
    const labels: unknown[] = [];
    const how = { seed: 1, batchSize: 2, shuffle: false, dropRemainder: true };
    const batches = augmented(images, read('--augment', 'flip', '--augment-threads', '0'), how);
    for await (const { y } of batches) labels.push(y);
    expect([batches.size, labels]).toEqual([
      2,
      [
        [0, 1],
        [2, 3],
      ],
    ]);
  });

  it.each([
    [['--augment', 'flop'], /expected one of 'flip', .* \(did you mean 'flip'\?\)/],
    [['--augment', 'crop'], /crop needs a number: crop=N/],
    [['--augment', 'flip,crop=x'], /expected an integer in \[0, 65535\] for padding but received NaN/],
    [['--augment', 'flip=2'], /expected a number in \[0, 1\] for probability but received 2/],
    [['--augment', 'rotate='], /for degrees but received NaN/],
    [['--augment', 'flip,'], /expected one of 'flip'/],
    [['--augment', 'flip', '--optimizer', 'lbfgs'], /--augment: not with --optimizer lbfgs/],
    [['--augment-threads', '2'], /--augment-threads is for --augment LIST/],
    [
      ['--augment', 'flip', '--class-weights', 'balanced', '--limit', '1'],
      /--class-weights balanced: not with --augment/,
    ],
  ])('refuses %j', async (args, message) => {
    const { code, io } = await runCommand(['train', ...args]);
    expect([code, io.stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it('is for images', async () => {
    const dir = folderOf({ 'a.csv': 'p,y\n1,0\n' });
    const files = ['--train-file', join(dir, 'a.csv'), '--test-file', join(dir, 'a.csv')];
    const { code, io } = await runCommand(['train', '--data', 'csv', ...files, '--augment', 'flip']);
    expect([code, io.stderr]).toEqual([2, 'error: --augment is for images, but these are rows of 1 numbers\n']);
  });

  it('goes on with the same batches only', () => {
    const callback = (list: string, batchSize = 2) =>
      sameBatches(images, read('--augment', list), { seed: 1, batchSize });
    const state = JSON.parse(JSON.stringify(callback('flip').state!()));
    const resumed =
      (...given: Parameters<typeof callback>) =>
      () =>
        callback(...given).onTrainBegin!({} as FitContext, state);
    expect(resumed('flip')).not.toThrow();
    const other = () => sameBatches(images, read('--augment', 'flip'), { seed: 1, batchSize: 2, shuffle: false });
    expect(() => other().onTrainBegin!({} as FitContext, state)).toThrow(
      /made with shuffle true, but here it is false$/,
    );
    expect(resumed('flip', 3)).toThrow(/made with --batch 2, but here it is 3$/);
    expect(resumed('flip,crop=1')).toThrow(/made with --augment \[\{"name":"flip".*\}\], but here it is .*cropPadded/);
  });
});
