/** `steepest train --augment`: with threads and without, interrupted and resumed, it comes to the same numbers. Inside the test, on few images. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../../helpers/fake-io.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const folder = temporaryFolder('train-augment');
const at = (name: string) => join(folder, name);
const few = ['train', '--model', 'mlp', '--limit', '50', '--batch', '20', '--epochs', '1', '--json'];
const list = ['--augment', 'flip,crop=2,cutout=6,rotate=15,brightness=0.2'];
/** What is printed of epochs, without what depends on the clock. */
async function epochs(...args: string[]) {
  const { code, io } = await runCommand([...few, ...args]);
  expect([code, io.stderr]).toEqual([0, '']);
  const lines = io.lines.filter(({ event }) => event === 'epoch');
  return lines.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);
}

test('the same numbers for a seed, whatever the threads; others without, or for another seed', async () => {
  const [threads, none] = [await epochs(...list), await epochs(...list, '--augment-threads', '0')];
  expect(threads).toEqual(none);
  expect(await epochs()).not.toEqual(none);
  expect(await epochs(...list, '--seed', '2')).not.toEqual(none);
});

test('interrupted within an epoch and resumed, with a log and a target', async () => {
  const whole = await epochs('--epochs', '2', ...list);
  const kept = [...list, '--checkpoint', at('run'), '--checkpoint-every', '2', '--log', at('log.jsonl')];
  await epochs('--epochs', '2', ...kept);
  const files = readdirSync(at('run')).map((name) => at(`run/${name}`));
  expect(files.map((name) => Number(/(\d+)\./.exec(name)![1]))).toEqual([4, 6]); // of three steps an epoch
  expect(await epochs('--epochs', '2', ...list, '--resume', files[0]!, '--log', at('log.jsonl'))).toEqual([whole[1]]);
  const lines = readFileSync(at('log.jsonl'), 'utf8').trim().split('\n');
  const steps = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'steps');
  expect(steps.map((one) => Math.round(3 * one.epochs))).toEqual([1, 2, 3, 4, 5, 6]);
  const other = await runCommand([...few, '--epochs', '2', '--augment', 'flip', '--resume', files[0]!]);
  expect([other.code, other.io.stderr]).toEqual([
    1,
    expect.stringMatching(/^error: ERR_CHECKPOINT: train: .*--augment/),
  ]);
  const target = await runCommand([...few, ...list, '--epochs', '9', '--target-accuracy', '0.02']);
  expect(target.io.lines.map(({ event }) => event)).toEqual(['start', 'epoch', 'target', 'done']);
});
