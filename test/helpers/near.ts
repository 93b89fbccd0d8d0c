/** Numbers held against others: one assertion for all, which is quick. */
import { expect } from 'vitest';

/** Each to half a unit of that digit behind the point, as toBeCloseTo does. */
export function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, digits: number): void {
  expectEach(actual, expected, (a, b) => a === b || Math.abs(a - b) < 10 ** -digits / 2);
}

/** Each to `tolerance`, relative where what is expected is large: `tolerance * (1 + |expected|)`. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expectEach(actual, expected, (a, b) => Math.abs(a - b) <= tolerance * (1 + Math.abs(b)));
}

function expectEach(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  holds: (a: number, b: number) => boolean,
): void {
  expect(actual).toHaveLength(expected.length);
  const off = Array.from(actual, (value, i) => ({ i, value, expected: expected[i]! })).filter(
    ({ value, expected }) => !holds(value, expected),
  );
  expect(off.slice(0, 5)).toEqual([]);
}
