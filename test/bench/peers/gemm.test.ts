import { expect, test } from 'vitest';
import { timesOf } from '../../../bench/peers/compare.js';
import { gemmRow, gpuProducts, layerProducts, products, readGemmOptions } from '../../../bench/peers/gemm.js';

test('the products of a layer: their operands and results are its x, w, y', () => {
  expect(layerProducts('layer', 128, 10, 512)).toEqual([
    { reason: 'layer', m: 128, n: 10, k: 512, transposeA: 0, transposeB: 0 },
    { reason: 'layer, gradient of weights', m: 512, n: 10, k: 128, transposeA: 1, transposeB: 0 },
    { reason: 'layer, gradient of input', m: 128, n: 512, k: 10, transposeA: 0, transposeB: 1 },
  ]);
});

test('the squares that are asked for are timed, and no product twice', () => {
  const squares = (list: typeof products) => list.filter(({ reason }) => reason === 'square').map(({ m }) => m);
  expect(squares(products)).toEqual([64, 128, 256, 512, 1024, 2048]);
  expect(squares(gpuProducts)).toEqual([512, 1024, 2048, 4096, 8192]);
  for (const list of [products, gpuProducts])
    expect(new Set(list.map(({ reason, ...shape }) => JSON.stringify(shape))).size).toBe(list.length);
});

test('a row: medians, and torch over steepest', () => {
  const where = { threads: 2, device: 'cpu', precision: 'fp32' } as const;
  const row = gemmRow(products[0]!, where, timesOf([1, 2, 9]), timesOf([3, 5, 4]));
  expect(row).toEqual({
    ...{ bench: 'gemm-peer', device: 'cpu', precision: 'fp32' },
    ...{ m: 64, n: 64, k: 64, transposeA: 0, transposeB: 0 },
    ...{ threads: 2, steepestMs: 2, torchMs: 4, ratio: 2 },
  });
  const bf16 = { threads: 1, device: 'cuda', precision: 'bf16' } as const;
  expect(gemmRow(products[0]!, bf16, timesOf([1]), timesOf([2]))).toMatchObject({
    ...{ device: 'cuda', precision: 'bf16', differs: 'steepest reads and writes float32, torch bfloat16' },
  });
});

test('options', () => {
  expect(readGemmOptions(['--gemm', '--threads', '1', '--python', 'p', '--json'])).toEqual({
    ...{ device: 'cpu', precision: 'fp32', torchDevice: 'cpu' },
    ...{ threads: 1, python: 'p', repeats: 15, largest: 1e6, json: true },
  });
  expect(readGemmOptions(['--gemm', '--device', 'cuda:1', '--precision', 'bf16'])).toEqual({
    ...{ device: 'cuda:1', precision: 'bf16', torchDevice: 'cuda:1' },
    ...{ threads: 1, python: 'python3', repeats: 5, largest: 1e6, json: false },
  });
  expect(() => readGemmOptions(['--threads', '0'])).toThrow(/--threads: expected a whole number >= 1 but received '0'/);
  expect(() => readGemmOptions(['--gemm', '--mode', 'train'])).toThrow(/--mode/);
});
