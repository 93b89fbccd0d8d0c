import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodePng } from '../../lib/formats/png.js';
import type { Chart } from '../../lib/report/chart.js';
import type { Images, Panel, Table } from '../../lib/report/page.js';
import { reportOf } from '../../lib/report/report.js';
import { temporaryFolder } from '../helpers/temporary.js';

const folder = temporaryFolder('report');

/** The report of a file of these lines. */
async function report(...lines: unknown[]) {
  const path = join(folder, 'run.jsonl');
  writeFileSync(path, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return await reportOf(path);
}

const titled = <T extends Panel>(panels: readonly Panel[], title: string) =>
  panels.find((panel) => panel.title === title) as T;

const png = `data:image/png;base64,${Buffer.from(
  encodePng({ width: 1, height: 1, channels: 1, data: Uint8Array.of(9) }),
).toString('base64')}`;

describe('a log of training by batches', () => {
  const epoch = (number: number) => ({
    event: 'epoch',
    epoch: number,
    trainLoss: 1 / 10 ** number,
    trainAccuracy: 0.9,
    testLoss: number === 1 ? null : 2,
    testAccuracy: 0.5 + number / 10,
    learningRate: 0.01,
    seconds: 2,
    imagesPerSecond: 1000,
  });
  const lines = [
    { event: 'start', device: 'cpu', parameters: 1234 },
    { event: 'steps', epochs: 0.5, loss: 3, learningRate: 0.02 },
    epoch(1),
    '',
    epoch(2),
    { event: 'something new', epoch: 'three' },
    {
      event: 'evaluation',
      images: 5,
      loss: 0.25,
      accuracy: 0.6,
      classNames: ['cat', 'dog'],
      confusionMatrix: [
        [2, 1],
        [1, 1],
      ],
      classes: [{ class: 0, precision: 0.75, recall: 2 / 3, f1: 0.7, support: 3 }],
      filters: { layer: 'conv2d_1', images: [png, png] },
      misread: [
        { image: png, label: 0, prediction: 1, probability: 0.987 },
        { image: png, label: 1, prediction: 0 },
      ],
    },
    { event: 'done', epoch: 2 },
  ];

  test('becomes curves, and a line that sums it up', async () => {
    const { title, note, panels } = await report(...lines);
    expect(title).toBe('run.jsonl');
    expect(note).toBe('cpu, 1,234 parameters, 2 epochs in 4 s, test loss 2.000, test accuracy 0.7000');
    expect(panels.map((panel) => panel.title)).toEqual([
      ...['Loss', 'Accuracy', 'Learning rate', 'Throughput'],
      ...['Confusion matrix', 'Test', 'Filters of conv2d_1', 'Misread images'],
    ]);
    const loss = titled<Chart>(panels, 'Loss');
    expect(loss.y.log).toBe(true); // from 3 to 0.01
    expect(loss.series).toEqual([
      { label: 'training, some steps', x: [0.5], y: [3], color: 5 },
      { label: 'training', x: [1, 2], y: [0.1, 0.01], color: 0 },
      { label: 'test', x: [2], y: [2], color: 1 },
    ]);
    expect(titled<Chart>(panels, 'Learning rate').series[0]).toMatchObject({ x: [0.5], y: [0.02] });
    expect(titled<Chart>(panels, 'Accuracy').y.log).toBe(false);
    const { panels: few } = await report(epoch(1), epoch(2));
    expect(titled<Chart>(few, 'Learning rate').series[0]).toMatchObject({ x: [1, 2], y: [0.01, 0.01] });
  });

  test('and what the network took for what', async () => {
    const { panels } = await report(...lines);
    const matrix = titled<Table>(panels, 'Confusion matrix');
    expect(matrix.head).toEqual(['', 'cat', 'dog']);
    expect(matrix.rows).toEqual([
      ['cat', 2, 1],
      ['dog', 1, 1],
    ]);
    expect([matrix.shade!(0, 1), matrix.shade!(1, 2), matrix.shade!(0, 2)]).toEqual([2 / 3, 1 / 2, -1]);
    expect(matrix.shade!(1, 0)).toBeCloseTo(0, 9);
    expect(titled<Table>(panels, 'Test')).toMatchObject({
      note: '5 images: accuracy 0.6000, loss 0.2500',
      rows: [['cat', '0.7500', '0.6667', '0.7000', 3]],
    });
    expect(titled<Images>(panels, 'Filters of conv2d_1').images).toEqual([{ src: png }, { src: png }]);
    expect(titled<Images>(panels, 'Misread images').images).toEqual([
      { src: png, caption: 'cat as dog 98.7%' },
      { src: png, caption: 'dog as cat' },
    ]);
  });

  test('of many classes the most frequent mistakes are told', async () => {
    const matrix = Array.from({ length: 30 }, (_, i) =>
      Array.from({ length: 30 }, (_, j) => (i === j ? 50 : j === 7 ? i : 0)),
    );
    const { panels } = await report({ event: 'evaluation', confusionMatrix: matrix });
    expect(panels.map((panel) => panel.title)).toEqual(['Most frequent mistakes']);
    expect((panels[0] as Table).rows).toHaveLength(20);
    expect((panels[0] as Table).rows[0]).toEqual(['29', '7', 29]);
  });
});

test('a log of a whole-data method becomes curves by iteration', async () => {
  const iteration = (number: number) => ({
    ...{ event: 'iteration', iteration: number, objective: 10 ** (1 - number), gradientNorm: 1, testAccuracy: 0.5 },
    ...{ passes: 4, cgSteps: number === 0 ? undefined : 3, seconds: 0.5 },
  });
  const { note, panels } = await report(iteration(0), iteration(1), iteration(2));
  expect(note).toBe('2 iterations in 1.5 s, test accuracy 0.5000');
  expect(panels.map((panel) => panel.title)).toEqual(['Objective', 'Gradient', 'Accuracy', 'Work']);
  expect(titled<Chart>(panels, 'Objective')).toMatchObject({
    y: { log: true },
    series: [{ x: [0, 1, 2], y: [10, 1, 0.1] }],
  });
  expect(titled<Chart>(panels, 'Work').series.map(({ label, x }) => [label, x.length])).toEqual([
    ['passes', 3],
    ['steps of CG', 2],
  ]);
});

describe('a bench of kernels', () => {
  const kernel = (name: string, gflops: number, gbPerSecond: number, bound: string, shareOfPeak: number | null) => ({
    ...{ bench: 'kernel', kernel: name, shape: 'n=1', reason: '', device: 'cpu', threads: 2, medianMs: 1.5 },
    ...{ gflops, gbPerSecond, bound, shareOfPeak },
  });

  test('stands under the roofs that follow from the shares', async () => {
    const { panels } = await report(
      kernel('gemm', 150, 1, 'compute', 0.75),
      kernel('relu', 2, 16, 'memory', 0.8),
      kernel('copy', 0, 20, 'memory', 1),
      { bench: 'kernel', kernel: 'bad', shape: 'n=2', device: 'cpu', error: 'differs' },
    );
    expect(panels.map((panel) => panel.title)).toEqual([
      'Roofline: cpu, 2 threads',
      'Kernels: cpu, 2 threads',
      'Kernels: failed',
    ]);
    const [slope, flat, compute, memory] = (panels[0] as Chart).series;
    // 200 GFLOP/s and 20 GB/s meet at 10 FLOP/byte.
    expect(slope).toMatchObject({ label: '20 GB/s', x: [0.125 / 1.5, 10], y: [20 * (0.125 / 1.5), 200] });
    expect(flat).toMatchObject({ label: '200 GFLOP/s', x: [10, 225], y: [200, 200] });
    expect(compute).toMatchObject({ x: [150], y: [150], names: ['gemm n=1'] });
    expect(memory).toMatchObject({ x: [0.125], y: [2], names: ['relu n=1'] });
    expect((panels[1] as Table).rows).toEqual([
      ['gemm', 'n=1', '1.5', '150', '1', '75', 'compute', ''],
      ['relu', 'n=1', '1.5', '2', '16', '80', 'memory', ''],
      ['copy', 'n=1', '1.5', '', '20', '100', 'memory', ''],
    ]);
    expect((panels[2] as Table).rows).toEqual([['bad', 'n=2', 'differs', '', '', '', '', '']]);
  });

  test('without ceilings there are no roofs, without arithmetic there is no chart', async () => {
    const { panels } = await report(kernel('gemm', 150, 1, 'compute', null));
    expect((panels[0] as Chart).series.map(({ label }) => label)).toEqual([
      'nearer to the flat roof',
      'nearer to the slope',
    ]);
    const { panels: table } = await report(kernel('copy', 0, 20, 'memory', 1));
    expect(table.map((panel) => panel.kind)).toEqual(['table']);
    const { panels: one } = await report(kernel('gemm', 150, 1, 'compute', 0.5));
    expect((one[0] as Chart).series[0]).toMatchObject({ label: '300 GFLOP/s', x: [100, 225], y: [300, 300] });
  });
});

describe('what is no such file is refused, with its line', () => {
  const path = join(folder, 'run.jsonl');
  test.each([
    ['not JSON', ['{"event":"start"}', '', '{"event'], `${path}, line 3: expected JSON but received "{\\"event"`],
    ['no object', ['[1]'], `${path}, line 1: expected an object for the line but received [1]`],
    ['a number', [{ event: 'epoch', epoch: '1' }], `${path}, line 1: expected a number for epoch but received "1"`],
    [
      'a list',
      [{ event: 'evaluation', misread: {} }],
      `${path}, line 1: expected a list for misread but received Object`,
    ],
    [
      'an image from elsewhere',
      [{ event: 'evaluation', misread: [{ image: 'http://a/b.png', label: 1, prediction: 2 }] }],
      `${path}, line 1: expected a PNG image 'data:image/png;base64,...' for misread[0].image but received "http://a/b.png"`,
    ],
    [
      'a matrix that is none',
      [{ event: 'evaluation', confusionMatrix: [[1], 2] }],
      `${path}, line 1: expected a list for confusionMatrix[1] but received 2`,
    ],
    [
      'nothing',
      [{ bench: 'train' }],
      `${path}: expected lines of 'steepest train' or 'steepest bench kernels' but found no`,
    ],
  ])('%s', async (_, lines, message) => {
    await expect(report(...lines)).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringContaining(`report: ${message}`),
    });
  });

  test('a file that is not there', async () => {
    await expect(reportOf(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
