/** `steepest train --resume`: a run that was kept goes on. Inside the test, on few images. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../../helpers/fake-io.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const folder = temporaryFolder('train-resume');
const at = (name: string) => join(folder, name);
const few = ['train', '--model', 'mlp', '--limit', '20', '--batch', '10', '--json'];
const run = (...args: string[]) => runCommand([...few, ...args]);

test('from a file, with or without a folder, it comes to the numbers of a run that was not interrupted', async () => {
  const plain = await run('--epochs', '2');
  await run('--epochs', '1', '--checkpoint', at('a'));
  const [file] = readdirSync(at('a'));
  const resumed = [
    await run('--epochs', '2', '--resume', at(`a/${file}`)),
    await run('--epochs', '2', '--resume', at('a')),
    await run('--epochs', '2', '--resume', at(`a/${file}`), '--checkpoint', at('b')),
    await run('--epochs', '2', '--resume', '--checkpoint', at('a')),
  ];
  const figures = ({ io }: typeof plain) => io.lines.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);
  const [start, , ...others] = figures(plain);
  for (const one of resumed) {
    expect([one.code, one.io.stderr]).toEqual([0, '']);
    expect(figures(one)).toEqual([start, ...others]);
  }
  expect(readdirSync(at('b'))).toHaveLength(1);
});

test('a log goes on too: as one run it starts once, and is done once', async () => {
  const log = ['--log', at('log.jsonl'), '--checkpoint', at('logged')];
  await run('--epochs', '1', ...log);
  const { io } = await run('--epochs', '2', ...log, '--resume');
  expect(io.lines.map(({ event }) => event)).toEqual(['start', 'epoch', 'done']);
  const lines = readFileSync(at('log.jsonl'), 'utf8').trim().split('\n');
  const events = lines.map((line) => JSON.parse(line)).filter(({ event }) => event !== 'steps');
  expect(events.map(({ event, epoch }) => [event, epoch])).toEqual([
    ...[
      ['start', undefined],
      ['epoch', 1],
      ['epoch', 2],
      ['done', 2],
      ['evaluation', undefined],
    ],
  ]);
  expect(io.lines).toEqual([events[0], ...events.slice(2, -1)]);
  // Forgetting --resume costs no log.
  expect((await run('--epochs', '2', ...log)).code).toBe(1);
  expect(readFileSync(at('log.jsonl'), 'utf8').trim().split('\n')).toEqual(lines);
});

test('whole-data methods go on too, and their log with them', async () => {
  const whole = ['--optimizer', 'lbfgs', '--tolerance', '0', '--log', at('whole.jsonl')];
  const untimed = (lines: Record<string, unknown>[]) => lines.map(({ seconds: _, ...rest }) => rest);
  const logged = () =>
    untimed(
      readFileSync(at('whole.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  await run(...whole, '--iterations', '5');
  const wanted = logged();
  await run(...whole, '--iterations', '3', '--checkpoint', at('whole'), '--checkpoint-every', '1');
  expect(readdirSync(at('whole'))).toHaveLength(2);
  const { code, io } = await run(...whole, '--iterations', '5', '--checkpoint', at('whole'), '--resume');
  expect([code, io.lines.map(({ event, iteration }) => [event, iteration]).slice(0, 3)]).toEqual([
    0,
    [
      ['start', undefined],
      ['iteration', 4],
      ['iteration', 5],
    ],
  ]);
  expect(logged()).toEqual(wanted);
  // Nothing is left to do: the log ends as it did.
  await run(...whole, '--iterations', '5', '--checkpoint', at('whole'), '--resume');
  expect(logged()).toEqual(wanted);
});

test('a target that was reached tells the seconds of all epochs, also of those before', async () => {
  const first = await run('--epochs', '1', '--checkpoint', at('target'));
  const { io } = await run('--epochs', '9', '--resume', at('target'), '--target-accuracy', '0.05');
  const seconds = [first.io.lines[1]!, io.lines[1]!].map((line) => line.seconds as number);
  expect(io.lines[2]).toMatchObject({ event: 'target', epoch: 2, trainSeconds: seconds[0]! + seconds[1]! });
});

test('where there is nothing to go on from, it says so', async () => {
  const { code, io } = await run('--resume', at('none'));
  expect([code, io.stderr]).toEqual([1, expect.stringMatching(/^error: ERR_CHECKPOINT: .*none' is not there\n$/)]);
  expect((await run('--resume')).code).toBe(2);
});
