/** The log of a run that was interrupted and goes on: each line once, as if nothing had happened. */
import { appendFileSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TrainLog } from '../../../lib/cli/train/log.js';
import type { Dataset } from '../../../lib/data/dataset.js';
import { dense } from '../../../lib/layers/dense.js';
import type { Chart, Series } from '../../../lib/report/chart.js';
import { reportOf } from '../../../lib/report/report.js';
import { sequential } from '../../../lib/train/model.js';
import type { FitOptions } from '../../../lib/train/options.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const data = {
  x: [
    [0, 1],
    [1, 0],
    [1, 1],
    [0, 0],
    [2, 1],
    [1, 2],
  ],
  y: [0, 1, 0, 1, 1, 0],
}; // three steps an epoch

/** A fit with a log, told as the command tells it; `steps`: it is stopped after so many. */
async function fitted(path: string, options: FitOptions, steps = Number.POSITIVE_INFINITY, given: Dataset = data) {
  const model = sequential({ inputShape: [2], seed: 1, device: 'reference' }, [dense({ units: 2 })]);
  const log = new TrainLog(path);
  log.output.out('{"event":"start"}\n');
  let done = 0;
  const run = model.fit(given, {
    ...{ epochs: 4, batchSize: 2, ...options },
    callbacks: [log.callback(() => run.status), { name: 'stop', onBatchEnd: () => ++done === steps && run.stop() }],
  });
  await run;
  log.output.out('{"event":"done"}\n');
  model.dispose();
}
/** The lines, without what depends on the clock. */
const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => ({ ...JSON.parse(line), seconds: 0, imagesPerSecond: 0 }));

test.each([2, 5, 6])('stopped after %d steps, or killed there, and resumed: the same lines', async (steps) => {
  const dir = temporaryFolder('log');
  const [plain, path, checkpoint] = [join(dir, 'plain.jsonl'), join(dir, 'run.jsonl'), join(dir, 'kept')];
  await fitted(plain, {});
  const whole = linesOf(plain);
  expect(whole.filter(({ event }) => event === 'steps').map(({ epochs }) => epochs)).toEqual(
    Array.from({ length: 12 }, (_, i) => expect.closeTo((i + 1) / 3, 12)),
  );
  expect(whole.filter(({ event }) => event === 'epoch')).toHaveLength(4);

  await fitted(path, { checkpoint, checkpointEvery: 2 }, steps);
  appendFileSync(path, '{"event":"steps","epochs":9,"loss":1}\n{"event":"ep'); // what a killed process leaves
  await fitted(path, { checkpoint, resume: true });
  expect(linesOf(path)).toEqual(whole);

  // From the checkpoint before: what was told since then is told once.
  await fitted(path, { resume: join(checkpoint, readdirSync(checkpoint)[0]!) });
  expect(linesOf(path)).toEqual(whole);
  const [losses] = (await reportOf(path)).panels as Chart[];
  const rising = ({ x }: Series) => [...x].every((value, i) => i === 0 || value > x[i - 1]!);
  expect(losses!.series.map((one) => [one.x.length, rising(one)])).toEqual([
    [12, true],
    [4, true],
  ]);
});

test('losses that no line has told yet are not forgotten', async () => {
  const dir = temporaryFolder('log');
  const [plain, path, checkpoint] = [join(dir, 'plain.jsonl'), join(dir, 'run.jsonl'), join(dir, 'kept')];
  const x = Array.from({ length: 250 }, (_, i) => [Math.sin(i), Math.cos(i)]);
  const rows = { x, y: x.map(([sine]) => (sine! > 0 ? 1 : 0)) };
  const one = { epochs: 1, batchSize: 1 }; // 250 steps, a line for each three
  await fitted(plain, one, undefined, rows);
  await fitted(path, { ...one, checkpoint }, 100, rows);
  await fitted(path, { ...one, checkpoint, resume: true }, undefined, rows);
  expect(linesOf(path)).toEqual(linesOf(plain));
  expect(linesOf(path)).toHaveLength(83 + 3);
});

test('a log that lost its end, or is not there, goes on with whole lines', async () => {
  const dir = temporaryFolder('log');
  const [path, other, checkpoint] = [join(dir, 'run.jsonl'), join(dir, 'other.jsonl'), join(dir, 'kept')];
  await fitted(path, { checkpoint, checkpointEvery: 2 }, 5);
  const steps = () => linesOf(path).flatMap(({ event, epochs }) => (event === 'steps' ? [Math.round(3 * epochs)] : []));
  expect(steps()).toEqual([1, 2, 3, 4, 5]);
  truncateSync(path, readFileSync(path, 'latin1').lastIndexOf('{"event":"steps"') + 20);
  await fitted(path, { resume: checkpoint });
  expect(steps()).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
  await fitted(other, { resume: checkpoint });
  const [start, first] = linesOf(other);
  expect([start, first]).toMatchObject([{ event: 'start' }, { event: 'steps', epochs: 2 }]);
});

test('what the file has stays until a run begins', async () => {
  const path = join(temporaryFolder('log'), 'run.jsonl');
  appendFileSync(path, '{"event":"start"}\n');
  await expect(fitted(path, { epochs: 0 })).rejects.toThrow(RangeError);
  expect(readFileSync(path, 'utf8')).toBe('{"event":"start"}\n');
  await fitted(path, { epochs: 1 });
  expect(linesOf(path).map(({ event }) => event)).toEqual(['start', 'steps', 'steps', 'steps', 'epoch', 'done']);
});
