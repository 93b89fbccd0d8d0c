import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PeerResult } from '../../../bench/peers/compare.js';
import { fileName, merge, writeResults } from '../../../bench/peers/results.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const result = (model: string, threads: number, steepestMs: number): PeerResult => ({
  ...{ bench: 'peer', rival: 'torch', steepestStepsPerSecond: 1000 / steepestMs },
  ...{ model, mode: 'train', threads, batch: 128, device: 'cpu', precision: 'fp32' },
  ...{ steepestMs, torchMs: 4, torchVariant: 'nchw', ratio: 4 / steepestMs, steps: 7, repeats: 15 },
  times: { steepest: { medianMs: steepestMs, minMs: 0.5, maxMs: 2 } },
  losses: { steepest: [2.3], 'torch:nchw': [2.3] },
  versions: { torch: '2' },
});

test('the name of the file: date and processor, or GPU', () => {
  const date = new Date('2026-01-31T12:00:00Z');
  expect(fileName(date, 'NVIDIA H200')).toBe('2026-01-31-nvidia-h200-peers.json');
  expect(fileName(date, 'Intel(R) Xeon(R) @ 2.10GHz')).toBe('2026-01-31-intel-r-xeon-r-2-10ghz-peers.json');
});

test('new results take the place of those of the same network, mode and threads', () => {
  const merged = merge([result('lenet', 1, 1), result('lenet', 2, 1)], [result('lenet', 2, 3), result('mlp', 2, 3)]);
  expect(merged.map(({ model, threads, steepestMs }) => [model, threads, steepestMs])).toEqual([
    ['lenet', 1, 1],
    ['lenet', 2, 3],
    ['mlp', 2, 3],
  ]);
});

test('rivals are kept apart; results of old have no name of it', () => {
  const { rival: _, ...old } = result('lenet', 1, 1);
  const tfjs = { ...result('lenet', 1, 2), rival: 'tfjs' };
  expect(merge([old, tfjs], [result('lenet', 1, 3)]).map(({ steepestMs }) => steepestMs)).toEqual([2, 3]);
});

test('precisions are kept apart; results of old are fp32', () => {
  const { precision: _, ...old } = result('lenet', 1, 1);
  const bf16 = { ...result('lenet', 1, 2), precision: 'bf16' };
  expect(merge([old, bf16], [result('lenet', 1, 3)]).map(({ steepestMs }) => steepestMs)).toEqual([2, 3]);
  expect(merge([old, bf16], [{ ...bf16, steepestMs: 4 }]).map(({ steepestMs }) => steepestMs)).toEqual([1, 4]);
});

test('results of a GPU are in a file of its name, with its versions', () => {
  const folder = temporaryFolder('peers');
  const gpu = {
    name: 'NVIDIA H200',
    capability: '9.0',
    multiprocessors: 132,
    memoryGiB: 140,
    driver: '13.0',
    runtime: '13.0',
  };
  const path = writeResults(folder, [{ ...result('lenet', 1, 1), device: 'cuda' }], gpu);
  expect(path).toMatch(/-nvidia-h200-peers\.json$/);
  expect(JSON.parse(readFileSync(path, 'utf8')).machine.gpu).toEqual(gpu);
});

test('the file keeps what earlier runs wrote', () => {
  const folder = temporaryFolder('peers');
  const path = writeResults(folder, [result('lenet', 1, 1)]);
  expect(writeResults(folder, [result('mlp', 1, 1)])).toBe(path);
  const file = JSON.parse(readFileSync(path, 'utf8'));
  expect(file.results[0].versions).toEqual({ torch: '2' });
  expect(file.results.map((r: PeerResult) => r.model)).toEqual(['lenet', 'mlp']);
  expect(file.results[0].losses).toEqual({ steepest: [2.3], 'torch:nchw': [2.3] });
  expect(file.machine.processors).toBeGreaterThan(0);
});
