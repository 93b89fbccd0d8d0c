/** What a parity case is: the whole and real numbers of a call, how its buffers are drawn, and how far results may differ. */
import type { TypedArray } from '../../../lib/backends/backend.js';
import type { RandomStream } from '../../../lib/random.js';
import type { Named } from '../../helpers/kernels.js';

export type Ints = Readonly<Record<string, number>>;

/**
 * How real inputs are drawn.
 * real: on [-1, 1), with all 24 bits. integers: in -4 .. 4, so that sums are exact and every backend must agree to the bit.
 * special: real, with NaN and infinities among them, and labels, places and rows that do not exist.
 */
export type Fill = 'real' | 'integers' | 'special';

export interface Case {
  readonly ints: Ints;
  readonly reals?: Readonly<Record<string, number>>;
  /** Optional buffers left out. */
  readonly without?: readonly string[];
  readonly fill: Fill;
}

/** Draws the elements of one buffer; `drawn` are those that stand before it. */
export type Draw = (random: RandomStream, length: number, { ints, fill }: Case, drawn: Named) => ArrayLike<number>;

/** Values as large as the terms that make up each element of each output: rounding errors are measured against them. */
export type Magnitude = (inputs: Named, outputs: Named, ints: Ints) => Readonly<Record<string, ArrayLike<number>>>;

export interface KernelCases {
  readonly cases: readonly Case[];
  /** Buffers drawn in a way of their own. */
  readonly draw?: Readonly<Record<string, Draw>>;
  /**
   * exact: the same bits as the reference in float32. output: against the size of the value itself. absolute: against the kernel's own
   * result on the absolute values of its inputs (|a||b| for a product). Integers must be exact in the last.
   */
  readonly compare: 'exact' | 'output' | 'absolute' | Magnitude;
  /** Terms in the longest sum behind an element (default 1): an error may be 4 (1 + sqrt(terms)) units of 2^-24. */
  readonly terms?: (ints: Ints) => number;
}

/** Every shape with every fill; `more` adds the rest of a case. */
export function cases(shapes: readonly Ints[], fills: readonly Fill[], more: Omit<Case, 'ints' | 'fill'> = {}): Case[] {
  return shapes.flatMap((ints) => fills.map((fill) => ({ ints, fill, ...more })));
}

/** Lengths round the widths of vectors and blocks: nothing, one, primes, one more and one less than powers of two; the last is work for several threads. */
export const lengths = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 67, 127, 1009, 4096, 5003, 40_009];
export const lengthShapes: Ints[] = lengths.map((n) => ({ n }));

/** Rows of k values. */
export const rowShapes: Ints[] = [
  [0, 5],
  [3, 0],
  [1, 1],
  [7, 1],
  [1, 17],
  [5, 2],
  [16, 16],
  [13, 10],
  [31, 33],
  [9, 100],
  [129, 7],
  [3, 1021],
  [301, 70],
  [41, 1021],
  [2, 9001],
].map(([rows, k]) => ({ rows: rows!, k: k! }));

// ---- draws ----

/** Reals by the case's fill, times `scale`. */
export const reals =
  (scale = 1): Draw =>
  (random, length, { fill }) => {
    const values = Array.from({ length }, () =>
      fill === 'integers' ? random.below(9) - 4 : scale * Math.fround(random.uniform(-1, 1)),
    );
    if (fill === 'special') sprinkle(random, values, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    return values;
  };

/** Reals in [0, 1), NaN and infinity among them where the fill is special. */
export const nonNegative: Draw = (random, length, { fill }) => {
  const values = Array.from({ length }, () => (fill === 'integers' ? random.below(5) : random.uniform()));
  if (fill === 'special') sprinkle(random, values, [Number.NaN, Number.POSITIVE_INFINITY]);
  return values;
};

/** -1 or 1. */
export const signs: Draw = (random, length) => Array.from({ length }, () => (random.below(2) === 0 ? -1 : 1));

/** Never special: for inputs whose infinities meet zeros that are padding in one algorithm and absent in another. */
export const finite: Draw = (random, length, c) =>
  reals()(random, length, { ...c, fill: c.fill === 'special' ? 'real' : c.fill }, {});

/** Whole numbers below `count(ints)`, and where the fill is special some of those outside that must do no harm. */
export const indices =
  (count: (ints: Ints) => number, outside: (count: number) => readonly number[]): Draw =>
  (random, length, { ints, fill }) => {
    const n = count(ints);
    const values = Array.from({ length }, () => (n === 0 ? 0 : random.below(n)));
    if (fill === 'special') sprinkle(random, values, outside(n));
    return values;
  };

export const outsideInt32 = (count: number) => [-1, count, 2 ** 31 - 1, -(2 ** 31)];

/** Puts the guests at random places, about one in eight, each at least once if there is room. */
function sprinkle(random: RandomStream, values: number[], guests: readonly number[]): void {
  const places = Math.min(values.length, Math.max(guests.length, Math.floor(values.length / 8)));
  for (let i = 0; i < places; i++) values[random.below(values.length)] = guests[i % guests.length]!;
}

// ---- magnitudes ----

export const abs = (values: ArrayLike<number>) => Float64Array.from(values, Math.abs);

/** The array of that name; tests name only what is there. */
export const array = (named: Named, name: string) => named[name] as TypedArray;

/** One value for each element of `length`. */
export const each = (length: number, value: (i: number) => number) => Float64Array.from({ length }, (_, i) => value(i));
