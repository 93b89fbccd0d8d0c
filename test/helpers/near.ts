import { expect } from 'vitest';

/** Holds numbers against others, each to half a unit of that digit behind the point, as toBeCloseTo does: one assertion for all, which is quick. */
export function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, digits: number): void {
  expect(actual).toHaveLength(expected.length);
  const off = Array.from(actual, (value, i) => ({ i, value, expected: expected[i]! })).filter(
    ({ value, expected }) => value !== expected && !(Math.abs(value - expected) < 10 ** -digits / 2),
  );
  expect(off.slice(0, 5)).toEqual([]);
}
