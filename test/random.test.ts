/** Philox against the known answers of Random123 (kat_vectors), and the numbers made of it. */
import { describe, expect, test } from 'vitest';
import { fillUniform, normal, permutation, philox, RandomStream, uniform } from '../lib/random.js';

const hex = (words: Iterable<number>) => Array.from(words, (w) => w.toString(16).padStart(8, '0')).join(' ');
const ONES = 0xffffffff;

describe('philox 4x32-10', () => {
  test.each([
    { name: 'zeros', counter: [0, 0, 0, 0], key: [0, 0], expected: '6627e8d5 e169c58d bc57ac4c 9b00dbd8' },
    {
      name: 'ones',
      counter: [ONES, ONES, ONES, ONES],
      key: [ONES, ONES],
      expected: '408f276d 41c83b0e a20bc7c6 6d5451fd',
    },
    {
      name: 'digits of pi',
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      expected: 'd16cfe09 94fdcceb 5001e420 24126ea1',
    },
  ])('$name', ({ counter, key, expected }) => {
    expect(hex(philox(counter, key))).toBe(expected);
  });

  test('agrees with the definition in exact integers (BigInt)', () => {
    const mask = 0xffffffffn;
    const exact = (counter: bigint[], key: bigint[]) => {
      let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint];
      let [k0, k1] = key as [bigint, bigint];
      for (let round = 0; round < 10; round++) {
        const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
        [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
        [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
      }
      return hex([c0, c1, c2, c3].map(Number));
    };
    let words = new Uint32Array([1, 2, 3, 4]);
    for (let i = 0; i < 100; i++) {
      const next = philox(words, [words[1]!, words[2]! ^ i]);
      const big = [...words].map(BigInt);
      expect(hex(next)).toBe(exact(big, [big[1]!, BigInt((words[2]! ^ i) >>> 0)]));
      words = Uint32Array.from(next);
    }
  });
});

describe('uniform', () => {
  test('is word[lane] >>> 8 in units of 2^-24, with the seed as key and [block, stream, step] as counter', () => {
    const seed = 7 + 5 * 2 ** 32;
    const index = 4 * (3 + 2 * 2 ** 32) + 2;
    const word = philox([3, 2, 11, 13], [7, 5])[2]!;
    expect(uniform(seed, 11, 13, index)).toBe(Math.floor(word / 256) / 2 ** 24);
  });

  test('fillUniform gives the same numbers from any start', () => {
    for (const first of [0, 1, 2, 3, 5, 2 ** 34 + 3]) {
      const numbers = fillUniform(new Float32Array(11), 42, 3, 9, first);
      expect([...numbers]).toEqual(Array.from({ length: 11 }, (_, i) => uniform(42, 3, 9, first + i)));
    }
  });

  test('mean, variance and sixteen bins are those of the uniform distribution', () => {
    const n = 40_000;
    const numbers = fillUniform(new Float64Array(n), 1, 0, 0);
    const mean = numbers.reduce((sum, u) => sum + u, 0) / n;
    const variance = numbers.reduce((sum, u) => sum + (u - mean) ** 2, 0) / n;
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / n));
    const bins = new Array<number>(16).fill(0);
    for (const u of numbers) bins[Math.floor(u * 16)]!++;
    const chiSquared = bins.reduce((sum, count) => sum + (count - n / 16) ** 2 / (n / 16), 0);
    expect(chiSquared).toBeLessThan(37.7); // 0.1 % point of chi squared with 15 degrees of freedom
    expect(Math.min(...numbers.subarray(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers.subarray(0, 1000))).toBeLessThan(1);
  });

  test('seed, stream, step and index each change the number', () => {
    const base = uniform(1, 2, 3, 4);
    for (const other of [
      uniform(2, 2, 3, 4),
      uniform(1, 3, 3, 4),
      uniform(1, 2, 4, 4),
      uniform(1, 2, 3, 5),
      uniform(2 ** 32 + 1, 2, 3, 4),
    ])
      expect(other).not.toBe(base);
  });
});

test('normal: first four moments', () => {
  const n = 25_000;
  const stream = new RandomStream(5, 6);
  for (const draw of [(i: number) => normal(3, 0, 0, i), () => stream.normal()]) {
    const moments = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const z = draw(i);
      for (let p = 0; p < 4; p++) moments[p]! += z ** (p + 1) / n;
    }
    // Variances of the sample moments: 1, 2, 15 and 96 over n.
    for (const [p, [value, variance]] of [
      [0, 1],
      [1, 2],
      [0, 15],
      [3, 96],
    ].entries())
      expect(Math.abs(moments[p]! - value!)).toBeLessThan(4 * Math.sqrt(variance! / n));
  }
});

describe('permutation', () => {
  test('holds every number once, and is the same for the same seed', () => {
    for (const n of [0, 1, 2, 17, 1000]) {
      const order = permutation(n, 3, 1, 4);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(permutation(n, 3, 1, 4)).toEqual(order);
    }
    expect(permutation(1000, 3, 1, 5)).not.toEqual(permutation(1000, 3, 1, 4));
  });

  test('all 24 orders of four are equally likely', () => {
    const counts = new Map<string, number>();
    const trials = 6000;
    for (let step = 0; step < trials; step++) {
      const order = permutation(4, 8, 0, step).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 250) ** 2 / 250, 0);
    expect(chiSquared).toBeLessThan(49.8); // 0.1 % point with 23 degrees of freedom
  });

  test('below refuses the words that would favour small numbers', () => {
    // With count = 3 * 2^30 the last quarter of the words must be drawn again: plain modulo would give the lower third twice as often.
    const random = new RandomStream(9, 9);
    const count = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 9000; i++) if (random.below(count) < 2 ** 30) low++;
    expect(Math.abs(low - 3000)).toBeLessThan(4 * Math.sqrt((9000 * 2) / 9));
  });
});
