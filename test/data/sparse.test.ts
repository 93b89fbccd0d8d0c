/** Sparse rows: made from dense ones, and the checks on those that come from outside. */
import { describe, expect, it } from 'vitest';
import { checkSparse, type SparseRows, sparseRows } from '../../lib/data/sparse.js';

const good: SparseRows = {
  rows: 2,
  columns: 3,
  starts: Int32Array.of(0, 2, 3),
  indices: Int32Array.of(0, 2, 1),
  values: Float64Array.of(1, 2, 3),
};

describe('sparseRows', () => {
  it('leaves out zeros', () => {
    expect(sparseRows([1, 0, 2, 0, 3, 0], 2, 3)).toEqual(good);
    expect([...sparseRows([255, 0], 1, 2, 1 / 255).values]).toEqual([1]);
  });

  it('keeps NaN, so that the check sees it', () => {
    expect(() => checkSparse('f', sparseRows([0, Number.NaN], 1, 2))).toThrow(
      'f: expected finite numbers but row 0 of x has NaN in column 1',
    );
  });
});

describe('checkSparse', () => {
  it('takes a matrix, also one without entries or rows', () => {
    expect(checkSparse('f', good)).toBe(good);
    const none = { starts: new Int32Array(3), indices: new Int32Array(0), values: new Float64Array(0) };
    expect(() => checkSparse('f', { rows: 2, columns: 0, ...none })).not.toThrow();
  });

  const wrong: [string, Partial<Record<keyof SparseRows, unknown>>, RegExp][] = [
    ['rows', { rows: 1.5 }, /f: expected a whole number for x.rows but received 1.5/],
    ['kinds', { indices: [0, 2, 1] }, /f: expected an Int32Array for x.indices/],
    ['kinds of values', { values: new Float32Array(3) }, /f: expected a Float64Array for x.values/],
    ['starts', { starts: Int32Array.of(0, 3) }, /x has 2 rows, so x.starts needs 3 places, but it has 2/],
    ['entries', { values: Float64Array.of(1) }, /x.indices has 3 entries and x.values 1/],
    ['the end', { starts: Int32Array.of(0, 2, 2) }, /x.starts must go from 0 to 3 but goes from 0 to 2/],
    ['the way', { starts: Int32Array.of(0, 4, 3) }, /x.starts does not rise at row 0/],
    ['columns', { columns: 2 }, /row 0 of x has a column 2, but there are 2/],
    ['repeated', { indices: Int32Array.of(2, 2, 1) }, /in row 0 of x column 2 is repeated/],
    ['unsorted', { indices: Int32Array.of(2, 0, 1) }, /in row 0 of x column 0 is smaller than the 2 before it/],
    ['negative', { indices: Int32Array.of(-1, 0, 1) }, /in row 0 of x column -1 is negative/],
    ['infinite', { values: Float64Array.of(1, 2, Number.POSITIVE_INFINITY) }, /row 1 of x has Infinity in column 1/],
  ];
  it.each(wrong)('refuses wrong %s', (_, change, message) => {
    expect(() => checkSparse('f', { ...good, ...change } as SparseRows)).toThrow(message);
  });
});
