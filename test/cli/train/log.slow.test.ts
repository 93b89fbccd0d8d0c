/** `steepest train --log`, and the page that `steepest report` makes of it, in a browser where there is one. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chromium, pixelsOf, show } from '../../helpers/chromium.js';
import { runCommand } from '../../helpers/fake-io.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const folder = temporaryFolder('train-log');
const at = (name: string) => join(folder, name);

const run = (...args: string[]) => runCommand(args);
const train = (...args: string[]) => run('train', '--model', 'mlp', '--limit', '300', '--batch', '32', ...args);
const linesOf = (name: string) =>
  readFileSync(at(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the log', () => {
  it('has the lines of --json, losses of steps and an evaluation; what is shown stays as it is', async () => {
    const { code, io } = await train('--epochs', '2', '--json', '--log', at('a.jsonl'), '--tensorboard', at('board'));
    expect([code, io.stderr]).toEqual([0, '']);
    const lines = linesOf('a.jsonl');
    const shared = lines.filter(({ event }) => event !== 'steps' && event !== 'evaluation');
    expect(io.lines).toEqual(shared);
    expect(shared.map(({ event }) => event)).toEqual(['start', 'epoch', 'epoch', 'done']);
    const steps = lines.filter(({ event }) => event === 'steps');
    expect(steps.length).toBeGreaterThan(0);
    for (const { epochs, loss, learningRate } of steps) {
      expect(Number.isInteger(Math.round(epochs * 1e9) / 1e8)).toBe(true); // ten steps an epoch
      expect([loss > 0, learningRate]).toEqual([true, 0.001]);
    }
    const evaluation = lines.at(-1);
    const { testLoss, testAccuracy } = shared.at(-1);
    expect(evaluation).toMatchObject({ event: 'evaluation', images: 300, accuracy: testAccuracy });
    expect(evaluation.loss).toBeCloseTo(testLoss, 5);
    const counts: number[][] = evaluation.confusionMatrix;
    expect(counts.flat().reduce((a, b) => a + b)).toBe(300);
    expect(counts.reduce((sum, row, i) => sum + row[i]!, 0) / 300).toBeCloseTo(testAccuracy, 6);
    expect(evaluation.misread).toHaveLength(Math.min(60, Math.round(300 * (1 - testAccuracy))));
    const sure: number[] = evaluation.misread.map(({ probability }: { probability: number }) => probability);
    expect(sure).toEqual([...sure].sort((a, b) => b - a));
    expect(evaluation.filters).toMatchObject({ layer: 'dense_1' });
    expect(evaluation.filters.images).toHaveLength(64);
    expect(readdirSync(at('board'))).toHaveLength(1);
  });

  it('of a whole-data method too', async () => {
    const { code } = await train(
      '--optimizer',
      'lbfgs',
      '--iterations',
      '2',
      '--log',
      at('b.jsonl'),
      '--tensorboard',
      at('c'),
    );
    expect(code).toBe(0);
    expect(linesOf('b.jsonl').map(({ event }) => event)).toEqual([
      ...['start', 'iteration', 'iteration', 'iteration', 'done', 'evaluation'],
    ]);
    expect(readdirSync(at('c'))).toHaveLength(1);
  });

  it('that cannot be written ends the command before it trains', async () => {
    const { code, io } = await train('--log', at('no/such.jsonl'));
    expect([code, io.stdout]).toEqual([1, '']);
    expect(io.stderr).toMatch(/^error: ERR_FILE: train: expected a file to write for the log but .* gave ENOENT/);
  });
});

describe('the page', () => {
  it.skipIf(chromium === undefined)('shows curves, tables and images', async () => {
    await train('--epochs', '2', '--log', at('run.jsonl'));
    expect((await run('report', at('run.jsonl'))).code).toBe(0);
    const { dom, screenshot } = show(at('run.html'), 1280, 1600);
    expect(dom.match(/<canvas/g)).toHaveLength(4);
    expect([...dom.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual([
      ...['Loss', 'Accuracy', 'Learning rate', 'Throughput'],
      ...['Confusion matrix', 'Test', 'Filters of dense_1', 'Misread images'],
    ]);
    expect(dom.match(/<img/g)!.length).toBeGreaterThan(64);
    expect(pixelsOf(screenshot, 0x0072b2)).toBeGreaterThan(300); // training
    expect(pixelsOf(screenshot, 0xd55e00)).toBeGreaterThan(300); // test
  });

  it.skipIf(chromium === undefined)('of a bench shows kernels under their roofs', async () => {
    const { code, io } = await run('bench', 'kernels', '--json', '--no-reference', '--filter', 'softmax');
    expect(code).toBe(0);
    writeFileSync(at('bench.jsonl'), io.stdout);
    await run('report', at('bench.jsonl'));
    expect(existsSync(at('bench.html'))).toBe(true);
    const { dom, screenshot } = show(at('bench.html'), 1280, 900);
    expect(dom.match(/<canvas/g)).toHaveLength(1);
    expect(dom).toContain('softmax_forward');
    expect(pixelsOf(screenshot, 0xd55e00)).toBeGreaterThan(200); // points, beside the legend's mark
  });
});
