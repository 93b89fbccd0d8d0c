/** Rows of data sets: some of them (subset), and parts by chance (split). */
import { describe, expect, it } from 'vitest';
import { digits } from '../../lib/data/digits.js';
import { readLibsvm } from '../../lib/data/libsvm.js';
import { subset } from '../../lib/data/rows.js';
import { sparseRows } from '../../lib/data/sparse.js';
import { split } from '../../lib/data/split.js';

describe('subset', () => {
  it('takes rows in any order, several times, with all that belongs to them', () => {
    const data = {
      x: Uint8Array.of(0, 1, 10, 11, 20, 21),
      y: Uint8Array.of(5, 6, 7),
      count: 3,
      shape: [2] as const,
      classNames: ['a', 'b', 'c'], // as many as rows, but not of them
      sampleWeights: [0.5, 1, 2],
    };
    expect(subset(data, [2, 0, 2, 1])).toEqual({
      ...data,
      x: Uint8Array.of(20, 21, 0, 1, 20, 21, 10, 11),
      y: Uint8Array.of(7, 5, 7, 6),
      count: 4,
      sampleWeights: [2, 0.5, 2, 1],
    });
  });

  it.each([
    [
      'rows of rows',
      {
        x: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        y: [0, 1, 2],
      },
      {
        x: [
          [5, 6],
          [1, 2],
        ],
        y: [2, 0],
      },
    ],
    ['flat numbers', { x: [1, 2, 3, 4, 5, 6], y: [0, 1, 2] }, { x: [5, 6, 1, 2], y: [2, 0] }],
    [
      'targets',
      { x: [[1], [2], [3]], y: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { x: [[3], [1]], y: Float32Array.of(5, 6, 1, 2) },
    ],
    [
      'targets and inputs by shape',
      { x: Float64Array.of(1, 2, 3), y: Float64Array.of(4, 5, 6), shape: [1] },
      { x: Float64Array.of(3, 1), y: Float64Array.of(6, 4), shape: [1] },
    ],
  ])('takes %s', (_, data, expected) => expect(subset(data as never, [2, 0])).toEqual(expected));

  it('takes sparse rows, with their lines', async () => {
    const data = await readLibsvm(new Uint8Array(Buffer.from('1 1:5 3:6\n# none\n-1\n1 2:7 3:8 4:9\n')));
    const { x, y, lines } = subset(data, Int32Array.of(2, 1, 0));
    expect(x).toEqual(sparseRows([0, 7, 8, 9, 0, 0, 0, 0, 5, 0, 6, 0], 3, 4));
    expect([[...y], [...lines!]]).toEqual([
      [1, -1, 1],
      [4, 3, 1],
    ]);
  });

  it('refuses what does not fit', () => {
    const data = { x: [[1], [2]], y: [0, 1] };
    for (const indices of [[2], [-1], [0.5], []]) expect(() => subset(data, indices)).toThrow(RangeError);
    for (const bad of [3, { x: [[1]] }, { x: 'ab', y: [0] }, new Uint8Array(3)])
      expect(() => subset(bad as never, [0])).toThrow(TypeError);
    expect(() => subset(data, 3 as never)).toThrow(TypeError);
    expect(() => subset({ x: [[1], [2]], y: [0, 1, 2] }, [0])).toThrow(/x has 2 rows, so y needs as many values/);
    expect(() => subset({ x: Float32Array.of(1, 2, 3), y: [0, 1] }, [0])).toThrow(
      /y has 2 rows, so x needs a multiple/,
    );
    expect(() => subset({ x: new Uint8Array(5), y: [0], shape: [2] }, [0])).toThrow(
      /no whole number of rows of shape \[2\]/,
    );
    expect(() => subset({ x: new Uint8Array(4), y: new Float32Array(4) }, [0])).toThrow(/the shape of one row/);
    expect(() => subset({ ...data, sampleWeights: [1] } as never, [0])).toThrow(/sampleWeights needs as many values/);
  });
});

describe('split', () => {
  const rows = Array.from({ length: 103 }, (_, i) => [i]);
  const data = { x: rows, y: rows.map(([i]) => i! % 7) };
  const numbers = (part: typeof data) => part.x.map(([i]) => i!);

  it('gives each row to one part, in the order of the data, by the seed', () => {
    const parts = split(data, [0.7, 0.2, 0.1], { seed: 3 });
    expect(parts.map(({ x }) => x.length)).toEqual([72, 21, 10]);
    for (const part of parts) {
      expect(numbers(part)).toEqual(numbers(part).toSorted((a, b) => a - b));
      expect(part.y).toEqual(numbers(part).map((i) => i % 7));
    }
    expect(parts.flatMap(numbers).toSorted((a, b) => a - b)).toEqual(rows.flat());
    expect(split(data, [0.7, 0.2, 0.1], { seed: 3 })).toEqual(parts);
    expect(split(data, [0.7, 0.2, 0.1], { seed: 4 })).not.toEqual(parts);
    expect(numbers(parts[0]!)).not.toEqual(rows.flat().slice(0, 72));
  });

  it('leaves rows out where the fractions are less than the whole', () => {
    const [part] = split(data, [0.25]);
    expect(part!.x).toHaveLength(26);
    expect(split(data, [0.1, 0.2, 0.3, 0.4]).flatMap(numbers)).toHaveLength(103); // rounding errors of the sum
  });

  it('gives each part its share of every class where it is stratified', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : i < 990 ? 1 : 2));
    const uneven = { x: labels.map((_, i) => [i]), y: labels };
    const counts = (part: typeof uneven) => [0, 1, 2].map((label) => part.y.filter((y) => y === label).length);
    for (let seed = 0; seed < 5; seed++) {
      const parts = split(uneven, [0.8, 0.1, 0.1], { seed, stratified: true });
      expect(parts.map(({ y }) => y.length)).toEqual([800, 100, 100]);
      for (const [i, share] of [0.8, 0.1, 0.1].entries())
        for (const [label, count] of counts(parts[i]!).entries())
          expect(Math.abs(count - share * [900, 90, 10][label]!)).toBeLessThan(2);
    }
    const plain = [0, 1, 2, 3, 4].map((seed) => counts(split(uneven, [0.1, 0.9], { seed })[0]!)[1]!);
    expect(plain.some((count) => Math.abs(count - 9) >= 2)).toBe(true);
  });

  it('also where a class has all but a few rows and many have one', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : i));
    const uneven = { x: labels.map((_, i) => [i]), y: labels };
    const singles = [1, 2].map((seed) => {
      const [part] = split(uneven, [0.4, 0.6], { seed, stratified: true });
      expect(Math.abs(part!.y.filter((y) => y === 0).length - 360)).toBeLessThan(3);
      return part!.y.filter((y) => y > 0);
    });
    expect(singles[0]).not.toEqual(singles[1]);
  });

  it('keeps what readers told of a data set', () => {
    const [part] = split(digits({ count: 50 }), [0.5]);
    expect([part!.count, part!.shape, part!.classes, part!.x.length]).toEqual([25, [28, 28, 1], 10, 25 * 784]);
  });

  it('refuses what does not fit', () => {
    expect(() => split(data, [0.6, 0.5])).toThrow(/expected at most 1 in all for fractions but received \[0.6, 0.5\]/);
    expect(() => split(data, [0.999, 0.001])).toThrow(/part 1, 0.001 of 103 rows, has no row/);
    for (const fractions of [[0], [-0.5], [1.5], [Number.NaN]])
      expect(() => split(data, fractions)).toThrow(RangeError);
    for (const fractions of [0.5, [], ['1']]) expect(() => split(data, fractions as never)).toThrow(TypeError);
    expect(() => split(data, [0.5], { stratify: true } as never)).toThrow(/did you mean 'stratified'/);
    expect(() => split(data, [0.5], { stratified: 1 as never })).toThrow(TypeError);
    const targets = { x: rows, y: rows.map(([i]) => [i!, 0]) };
    expect(() => split(targets, [0.5], { stratified: true })).toThrow(/one label a row, for stratified/);
  });
});
