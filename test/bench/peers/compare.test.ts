import { expect, test } from 'vitest';
import {
  checkLosses,
  checkOutputs,
  memoryOf,
  type PeerResult,
  round,
  rowsOf,
  stepsOfTurn,
  TOLERANCES,
  table,
  timesOf,
} from '../../../bench/peers/compare.js';

test('median and spread', () => {
  expect(timesOf([5, 1, 3])).toEqual({ medianMs: 3, minMs: 1, maxMs: 5 });
  expect(timesOf([4, 1, 3, 10])).toEqual({ medianMs: 3.5, minMs: 1, maxMs: 10 });
  expect(() => timesOf([])).toThrow(RangeError);
});

test('steps of a turn', () => {
  expect(stepsOfTurn(10, 200, 4096)).toBe(20);
  expect(stepsOfTurn(300, 200, 4096)).toBe(1);
  expect(stepsOfTurn(0.001, 200, 4096)).toBe(4096);
});

test('losses: 1e-5 for the first step, 1e-3 for the later ones', () => {
  expect(() => checkLosses('torch', [2, 1.9], [2.00001, 1.901])).not.toThrow();
  expect(() => checkLosses('torch', [2, 1.9], [2.0001, 1.9])).toThrow(/step 1: the loss is 2 .* 2.0001 with torch/);
  expect(() => checkLosses('torch', [2, 1.9], [2, 1.91])).toThrow(/step 2/);
  expect(() => checkLosses('torch', [2, 2e-6], [2, 1.5e-6])).not.toThrow();
  expect(() => checkLosses('torch', [2e-6], [1.5e-6])).toThrow(/step 1/);
  expect(() => checkLosses('torch', [2, Number.NaN], [2, Number.NaN])).toThrow(/step 2/);
  expect(() => checkLosses('torch', [2], [2, 2])).toThrow(/2 losses/);
  expect(() => checkLosses('torch', [], [])).toThrow(/0 losses/);
});

test('outputs: relative to the largest', () => {
  expect(() => checkOutputs('torch', [10, 1], [10, 1.0009])).not.toThrow();
  expect(() => checkOutputs('torch', [10, 1], [10, 1.002])).toThrow(/output 1/);
  expect(() => checkOutputs('torch', [10, Number.NaN], [10, 1])).toThrow(/output 1/);
  expect(() => checkOutputs('torch', [10], [10, 1])).toThrow(/2 outputs/);
});

test('less is asked of TF32 and bfloat16', () => {
  for (const tolerance of [TOLERANCES.tf32, TOLERANCES.bf16]) {
    expect(() => checkLosses('torch', [2, 1.9], [2.03, 1.93])).toThrow(/step 1/);
    expect(() => checkLosses('torch', [2, 1.9], [2.03, 1.93], tolerance)).not.toThrow();
    expect(() => checkLosses('torch', [2, 1.9], [2.06, 1.9], tolerance)).toThrow(/step 1/);
    expect(() => checkOutputs('torch', [10, 1], [10, 1.1], tolerance.outputs)).not.toThrow();
    expect(() => checkOutputs('torch', [10, 1], [10, 1.3], tolerance.outputs)).toThrow(/output 1/);
  }
});

const times = (medianMs: number) => ({ medianMs, minMs: medianMs / 2, maxMs: medianMs * 2 });
const head = { model: 'lenet', mode: 'train', threads: 2, batch: 128, device: 'cpu', precision: 'fp32' };

test('a row takes the fastest variant of torch; tfjs has its own', () => {
  const rows = rowsOf(head, {
    ...{ steepest: times(8), 'torch:nchw': times(30), 'torch:channels_last': times(28), 'torch:compile': times(50) },
    tfjs: times(80),
  });
  const ours = { steepestMs: 8, steepestStepsPerSecond: 125 };
  expect(rows).toEqual([
    {
      ...{ bench: 'peer', rival: 'torch', ...head, ...ours, torchMs: 28, torchVariant: 'channels_last' },
      torchStepsPerSecond: { nchw: 33.33, channels_last: 35.71, compile: 20 },
      ratio: 3.5,
    },
    { bench: 'peer', rival: 'tfjs', ...head, ...ours, tfjsMs: 80, ratio: 10 },
  ]);
  expect(rowsOf(head, { steepest: times(8), 'torch:nchw': times(4) })).toMatchObject([{ ratio: 0.5 }]);
  expect(rowsOf(head, { steepest: times(8), tfjs: times(4) })).toMatchObject([{ rival: 'tfjs', ratio: 0.5 }]);
});

test('memory in MiB', () => {
  expect(memoryOf(102_400, 256_100)).toEqual({ steepestMiB: 100, torchMiB: 250.1, memoryRatio: 2.501 });
});

test('four digits, and no fewer before the point', () => {
  expect([0.0123456, 1.23456, 123456.7, 0].map(round)).toEqual([0.01235, 1.235, 123457, 0]);
});

test('the table', () => {
  const all = { steepest: times(8), 'torch:nchw': times(30), 'torch:channels_last': times(28) };
  const results = (more: object, extra: Partial<PeerResult>): PeerResult[] => {
    const rows = { ...all, ...more };
    const rest = { steps: 7, repeats: 15, times: rows, losses: {}, versions: {}, ...extra };
    return rowsOf(head, rows).map((row) => ({ ...row, ...rest }));
  };
  expect(table([...results({}, {}), ...results({ tfjs: times(80) }, { model: 'vgg11', batch: 64 })])).toBe(
    [
      'model  mode   rival                threads  batch  steepest ms     rival ms  ratio',
      'lenet  train  torch:channels_last        2    128     8 (4-16)   28 (14-56)   3.50',
      'vgg11  train  torch:channels_last        2     64     8 (4-16)   28 (14-56)   3.50',
      'vgg11  train  tfjs                       2     64     8 (4-16)  80 (40-160)  10.00',
    ].join('\n'),
  );
  const lines = table([...results({}, memoryOf(1024, 3072)), ...results({}, {})]).split('\n');
  expect(lines[0]).toMatch(/ratio {2}steepest MiB {2}rival MiB {2}ratio$/);
  expect(lines[1]).toMatch(/3\.50 +1 +3 +3\.00$/);
  expect(lines[2]).toMatch(/3\.50 +- +- +-$/);
});
