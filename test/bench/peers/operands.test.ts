import { expect, test } from 'vitest';
import { numbers, readNumbers, writeNumbers } from '../../../bench/peers/operands.js';
import { temporaryFolder } from '../../helpers/temporary.js';

test('as many numbers as asked for; from some thousands on the same again', () => {
  let drawn = 0;
  const draw = () => drawn++;
  expect(Array.from(numbers(3, draw))).toEqual([0, 1, 2]);
  drawn = 0;
  const many = numbers(300_000, draw);
  expect(drawn).toBe(65_521);
  for (const i of [65_520, 65_521, 131_042, 262_083, 262_084, 299_999]) expect(many[i]).toBe(i % 65_521);
});

test('they come back from a file as they were', () => {
  const folder = temporaryFolder('peers');
  const values = Float32Array.of(1, -0.5, 3e-40);
  writeNumbers(folder, 'a.bin', values);
  expect(readNumbers(folder, 'a.bin')).toEqual(values);
});
