import { expect, test } from 'vitest';
import { timesOf } from '../../../bench/peers/compare.js';
import { gemmRow, layerProducts, products, readGemmOptions } from '../../../bench/peers/gemm.js';

test('the products of a layer: their operands and results are its x, w, y', () => {
  expect(layerProducts('layer', 128, 10, 512)).toEqual([
    { reason: 'layer', m: 128, n: 10, k: 512, transposeA: 0, transposeB: 0 },
    { reason: 'layer, gradient of weights', m: 512, n: 10, k: 128, transposeA: 1, transposeB: 0 },
    { reason: 'layer, gradient of input', m: 128, n: 512, k: 10, transposeA: 0, transposeB: 1 },
  ]);
});

test('the squares that are asked for are timed, and no product twice', () => {
  const squares = products.filter(({ reason }) => reason === 'square').map(({ m }) => m);
  expect(squares).toEqual([64, 128, 256, 512, 1024, 2048]);
  expect(new Set(products.map(({ reason, ...shape }) => JSON.stringify(shape))).size).toBe(products.length);
});

test('a row: medians, and torch over steepest', () => {
  expect(gemmRow(products[0]!, 2, timesOf([1, 2, 9]), timesOf([3, 5, 4]))).toEqual({
    bench: 'gemm-peer',
    ...{ m: 64, n: 64, k: 64, transposeA: 0, transposeB: 0 },
    ...{ threads: 2, steepestMs: 2, torchMs: 4, ratio: 2 },
  });
});

test('options', () => {
  expect(readGemmOptions(['--gemm', '--threads', '1', '--python', 'p', '--json'])).toEqual({
    threads: 1,
    python: 'p',
    repeats: 15,
    json: true,
  });
  expect(() => readGemmOptions(['--threads', '0'])).toThrow(/--threads: expected a whole number >= 1 but received '0'/);
  expect(() => readGemmOptions(['--gemm', '--mode', 'train'])).toThrow(/--mode/);
});
