/** Cases of the matrix product, the convolutions and zero padding. */
import { winogradFilterForward } from '../../../lib/backends/reference/winograd-filter.js';
import { out } from '../../../lib/geometry.js';
import {
  abs,
  array,
  type Case,
  cases,
  type Draw,
  finite,
  type Ints,
  indices,
  type KernelCases,
  rowShapes,
} from './case.js';

const gemmSizes = [
  [1, 1, 1],
  [1, 17, 33],
  [13, 1, 7],
  [7, 31, 1],
  [15, 31, 17],
  [16, 32, 16],
  [17, 33, 65],
  [14, 47, 100],
  [6, 16, 256],
  [97, 101, 103],
  [3, 250, 301],
  [128, 10, 257],
  [257, 129, 8],
  [230, 70, 530],
  [0, 5, 3],
  [5, 0, 3],
  [5, 3, 0],
];

/** Sizes on both sides of what decides how gemm reads its operands: blocks of rows, strides that collide, a b too large to read in place. */
const gemmPaths: [m: number, n: number, k: number, transposeA: number, transposeB: number][] = [
  [140, 33, 65, 0, 1],
  [141, 33, 65, 0, 1],
  [15, 70, 1024, 0, 0],
  [15, 65, 1023, 0, 0],
  [1024, 66, 19, 1, 0],
  [1025, 97, 5, 1, 1],
  [64, 1024, 18, 0, 0],
  [65, 1024, 18, 0, 0],
  [66, 1026, 7, 1, 0],
  [141, 1030, 512, 0, 0],
  [150, 512, 1025, 1, 0],
  [3, 64, 2050, 0, 0],
];

/** Small sizes with all sixteen combinations of the flags, with and without bias; larger ones with a few. */
const gemmCases: Case[] = gemmSizes.flatMap(([m, n, k], index) => {
  const all = Array.from({ length: 32 }, (_, bits) => bits);
  const some = m! * n! * k! > 5000 ? [0, 1, 2, 3, 12, 20, 31].filter((_, i) => (i + index) % 2 === 0 || i < 4) : all;
  return some.map((bits) => ({
    ints: {
      m: m!,
      n: n!,
      k: k!,
      transposeA: bits & 1,
      transposeB: (bits >> 1) & 1,
      accumulate: (bits >> 2) & 1,
      relu: (bits >> 3) & 1,
    },
    fill: (['real', 'integers', 'real', 'special'] as const)[(bits + (bits >> 2) + index) % 4]!,
    ...((bits >> 4) & 1 ? { without: ['bias'] } : {}),
  }));
});

for (const [index, [m, n, k, transposeA, transposeB]] of gemmPaths.entries())
  gemmCases.push({
    ints: { m, n, k, transposeA, transposeB, accumulate: index & 1, relu: (index >> 1) & 1 },
    fill: (['real', 'integers'] as const)[(index >> 2) & 1]!,
    ...(index % 3 === 0 ? { without: ['bias'] } : {}),
  });

type Shape = [
  n: number,
  h: number,
  w: number,
  c: number,
  k: number,
  r: number,
  s: number,
  stride: number,
  padding: number,
];
const convolutionShapes: Shape[] = [
  [1, 1, 1, 1, 1, 1, 1, 1, 0],
  [2, 5, 7, 3, 4, 3, 3, 1, 1],
  [1, 6, 5, 2, 17, 3, 2, 1, 0],
  [3, 7, 7, 1, 32, 5, 5, 1, 2],
  [2, 8, 8, 16, 16, 3, 3, 2, 1],
  [1, 9, 11, 5, 33, 3, 3, 3, 2],
  [2, 4, 4, 17, 1, 2, 4, 2, 0],
  [5, 3, 3, 8, 13, 3, 3, 1, 1],
  [2, 6, 6, 32, 64, 5, 5, 1, 2],
  [1, 28, 28, 1, 31, 5, 5, 1, 2],
  [2, 1, 9, 3, 7, 1, 5, 1, 2],
  [1, 13, 1, 2, 5, 3, 1, 1, 1],
  [2, 4, 4, 3, 16, 1, 1, 1, 0],
  [2, 5, 5, 3, 16, 1, 1, 2, 1],
  [3, 2, 2, 48, 47, 2, 2, 1, 1],
  [3, 9, 8, 33, 47, 1, 1, 2, 0],
  [2, 8, 8, 64, 128, 1, 1, 2, 0],
  // More images than shares of a sum, images enough for several groups, an image too large for one, an output in several bands.
  [35, 5, 6, 3, 9, 3, 3, 1, 1],
  [19, 7, 7, 8, 20, 3, 3, 1, 1],
  [1, 40, 41, 48, 3, 3, 3, 1, 1],
  [2, 33, 35, 4, 18, 3, 3, 1, 1],
  // Less than 60 % of the pairs of output and tap inside: one image and many, several strips and panels, outputs and taps without a partner.
  [1, 1, 1, 5, 33, 3, 3, 1, 1],
  [37, 1, 1, 17, 3, 5, 5, 1, 2],
  [1, 2, 2, 33, 47, 3, 3, 1, 1],
  [70, 2, 2, 15, 70, 3, 3, 1, 1],
  [19, 2, 3, 31, 17, 3, 3, 1, 1],
  [5, 1, 6, 3, 65, 3, 5, 1, 2],
  [16, 3, 3, 16, 32, 5, 5, 1, 2],
  [6, 4, 3, 7, 9, 5, 5, 1, 3],
  [3, 2, 1, 6, 20, 2, 3, 1, 3],
  [300, 2, 2, 3, 5, 3, 3, 1, 1],
  [2, 9, 10, 4, 8, 2, 4, 3, 1],
];
const emptyShapes: Shape[] = [
  [0, 5, 5, 2, 3, 3, 3, 1, 1],
  [2, 5, 5, 0, 3, 3, 3, 1, 1],
  [2, 5, 5, 3, 0, 3, 3, 1, 1],
  [2, 0, 0, 3, 2, 1, 1, 1, 1],
];
const shapeInts = ([n, h, w, c, k, r, s, stride, padding]: Shape): Ints => ({ n, h, w, c, k, r, s, stride, padding });
const convolutionInts = [...convolutionShapes, ...emptyShapes].map(shapeInts);
const outputSizes = ({ h, w, r, s, stride, padding }: Ints) =>
  [out(h!, r!, stride!, padding!), out(w!, s!, stride!, padding!)] as const;
/** Sums by Winograd's points are some ten times as far off as direct ones. */
const spread = ({ tile = 0 }: Ints) => (tile > 0 ? 100 : 1);
const windowTerms = (ints: Ints) => (ints.r! * ints.s! * ints.c! + 2) * spread(ints);
/** Outputs of an image, in whole tiles. */
const summedOutputs = (ints: Ints) =>
  outputSizes(ints).reduce((product, size) => product * Math.ceil(size / (ints.tile || 1)) * (ints.tile || 1), 1);

/** Without pooling: every shape. With: those whose output is large enough for the window (one window for the largest shapes). */
const forwardCases: Case[] = convolutionInts.flatMap((ints, index) => {
  const plain = { pool: 0, poolStride: 0 };
  const [p, q] = [
    out(ints.h!, ints.r!, ints.stride!, ints.padding!),
    out(ints.w!, ints.s!, ints.stride!, ints.padding!),
  ];
  const pools = [
    { pool: 2, poolStride: 2 },
    { pool: 3, poolStride: 2 },
    { pool: 2, poolStride: 1 },
    { pool: 3, poolStride: 3 },
  ]
    .filter(({ pool }) => p >= pool && q >= pool)
    .slice(0, p * q * windowTerms(ints) * ints.k! > 300_000 ? 1 : 4);
  return [
    { ints: { ...ints, ...plain, relu: 0 }, fill: 'real' as const, without: ['argmax', 'addend', 'factor'] },
    { ints: { ...ints, ...plain, relu: 1 }, fill: 'real' as const, without: ['argmax', 'bias', 'addend', 'factor'] },
    { ints: { ...ints, ...plain, relu: index % 2 }, fill: 'integers' as const, without: ['argmax', 'addend'] },
    {
      ints: { ...ints, ...plain, relu: 1 - (index % 2) },
      fill: 'special' as const,
      without: ['argmax', 'addend', 'factor'],
    },
    { ints: { ...ints, ...plain, relu: 1 - (index % 2) }, fill: 'real' as const, without: ['argmax'] },
    { ints: { ...ints, ...plain, relu: index % 2 }, fill: 'special' as const, without: ['argmax', 'bias'] },
    // With pooling, the place of a maximum is only certain where sums are exact.
    ...pools.flatMap((pool, i) => [
      { ints: { ...ints, ...pool, relu: i % 2 }, fill: 'integers' as const, without: ['addend', 'factor'] },
      { ints: { ...ints, ...pool, relu: 1 }, fill: 'integers' as const, without: ['bias'] },
      { ints: { ...ints, ...pool, relu: 1 - (i % 2) }, fill: 'real' as const, without: ['argmax', 'addend', 'factor'] },
      { ints: { ...ints, ...pool, relu: 1 }, fill: 'special' as const, without: ['argmax', 'addend', 'factor'] },
    ]),
  ];
});

/** By Winograd: whole and cut tiles, one or several panels of columns, several shares of a sum, several blocks of tiles in a share. */
const winogradInts: Ints[] = (
  [
    [1, 4, 4, 16, 16, 3, 3, 1, 1],
    [2, 7, 9, 16, 48, 3, 3, 1, 1],
    [3, 6, 5, 32, 16, 3, 3, 1, 0],
    [5, 3, 2, 48, 64, 3, 3, 1, 2],
    [40, 8, 8, 16, 32, 3, 3, 1, 1],
    [2, 8, 8, 80, 96, 3, 3, 1, 1],
    [2, 6, 7, 16, 48, 5, 5, 1, 2],
    [1, 14, 14, 32, 64, 5, 5, 1, 2],
    [3, 7, 6, 32, 16, 5, 5, 1, 0],
    [4, 9, 10, 16, 16, 5, 5, 1, 1],
    // Few channels: one row of tiles, strips side by side, images below a tile, several sums.
    [2, 9, 11, 3, 32, 3, 3, 1, 1],
    [1, 7, 39, 3, 48, 5, 5, 1, 2],
    [3, 3, 2, 2, 16, 3, 3, 1, 2],
    [2, 5, 6, 1, 16, 5, 5, 1, 0],
    [1, 10, 13, 15, 16, 3, 3, 1, 0],
    [1, 6, 5, 15, 32, 5, 5, 1, 1],
    [20, 8, 9, 3, 16, 3, 3, 1, 1],
    [18, 2, 3, 4, 16, 5, 5, 1, 2],
    // Several blocks of tiles, without and with shares.
    [9, 8, 8, 80, 80, 3, 3, 1, 1],
    [34, 16, 16, 16, 16, 3, 3, 1, 1],
  ] as Shape[]
).flatMap(([n, h, w, c, k, r, s, stride, padding]) =>
  [2, 4].map((tile) => ({ n, h, w, c, k, r, s, stride, padding, tile })),
);
const winogradForward: Case[] = winogradInts
  .flatMap((ints, index) => [
    {
      ints: { ...ints, relu: index % 2, pool: 0, poolStride: 0 },
      fill: 'real' as const,
      without: ['argmax', 'addend', 'factor'],
    },
    {
      ints: { ...ints, relu: 1, pool: 2, poolStride: 2 },
      fill: 'real' as const,
      without: ['argmax', 'bias', 'addend', 'factor'],
    },
    { ints: { ...ints, relu: 1, pool: 0, poolStride: 0 }, fill: 'real' as const, without: ['argmax'] },
    { ints: { ...ints, relu: 1 - (index % 2), pool: 2, poolStride: 2 }, fill: 'real' as const, without: ['argmax'] },
    {
      ints: { ...ints, relu: 1, pool: 2 * (index % 2), poolStride: 2 * (index % 2) },
      fill: 'real' as const,
      without: ['u', 'argmax'],
    },
  ])
  .filter(({ ints }) => ints.pool === 0 || Math.min(...outputSizes(ints)) >= 2);
/** A tensor of transformed filters that belongs to the filter drawn before it. */
const transformed =
  (turned: 0 | 1): Draw =>
  (_, length, { ints }, drawn) => {
    const u = new Float32Array(length);
    const { c, k, r, tile } = ints as Record<'c' | 'k' | 'r' | 'tile', number>;
    const [depth, columns] = turned === 1 ? [k, c] : [c, k];
    winogradFilterForward({ filter: drawn.filter as Float32Array, u, depth, columns, r, tile, turned });
    return u;
  };
const direct = (list: readonly Ints[]) => list.map((ints): Ints => ({ ...ints, tile: 0 }));
/** Gradients of a convolution, of those shapes; and of some of their poolings. */
const gradientCases: Case[] = [
  ...cases(
    direct(convolutionInts).map((ints) => ({ ...ints, pool: 0, poolStride: 0 })),
    ['real', 'integers', 'special'],
    { without: ['argmax'] },
  ),
  ...cases(
    winogradInts.map((ints) => ({ ...ints, pool: 0, poolStride: 0 })),
    ['real'],
    { without: ['argmax'] },
  ),
  ...[...direct(convolutionShapes.map(shapeInts)), ...winogradInts].flatMap((ints, index) => {
    const pooling = index % 3 === 2 && ints.tile === 0 ? { pool: 3, poolStride: 2 } : { pool: 2, poolStride: 2 };
    const [p, q] = outputSizes(ints);
    if (p < pooling.pool || q < pooling.pool) return [];
    return cases([{ ...ints, ...pooling }], ints.tile === 0 ? ['real', 'special'] : ['real']);
  }),
];
/** Gradients of the input with and without another summand and a mask, in turn; those by Winograd without a transformed filter as well. */
const inputGradientCases = [
  ...gradientCases,
  ...gradientCases.filter(({ ints }) => ints.tile! > 0).map((c) => ({ ...c, without: ['u', ...(c.without ?? [])] })),
].map((c, index): Case => {
  const missing = [['addend', 'mask'], [], ['mask'], ['addend']][index % 4]!;
  return { ...c, without: [...(c.without ?? []), ...missing] };
});
const places: Draw = (random, length, c, drawn) =>
  indices(
    ({ pool }) => Math.max(1, pool! ** 2),
    (count) => [count, 65_535],
  )(random, length, c, drawn);

const columnInts = convolutionInts.map(({ k, ...ints }): Ints => ints);
const filterInts: Ints[] = [
  [1, 1, 3, 2, 0],
  [17, 33, 3, 4, 0],
  [16, 32, 5, 2, 0],
  [33, 17, 3, 2, 1],
  [32, 48, 3, 4, 1],
  [5, 70, 5, 2, 1],
  [16, 40, 5, 4, 0],
  [33, 5, 5, 4, 1],
  [0, 4, 3, 4, 0],
].map(([depth, columns, r, tile, turned]) => ({
  depth: depth!,
  columns: columns!,
  r: r!,
  tile: tile!,
  turned: turned!,
}));
const paddingInts: Ints[] = [
  { n: 1, h: 1, w: 1, c: 1, padding: 0 },
  { n: 2, h: 3, w: 5, c: 3, padding: 1 },
  { n: 3, h: 4, w: 4, c: 16, padding: 2 },
  { n: 1, h: 7, w: 2, c: 17, padding: 3 },
  { n: 5, h: 20, w: 21, c: 19, padding: 2 },
  { n: 2, h: 0, w: 3, c: 2, padding: 1 },
  { n: 0, h: 3, w: 3, c: 2, padding: 1 },
];

export const convolution = {
  gemm: { cases: gemmCases, compare: 'absolute', terms: ({ k }) => k! + 2 },
  bias_forward: { cases: cases(rowShapes, ['real', 'special']), compare: 'exact' },
  bias_backward: {
    cases: cases(rowShapes, ['real', 'integers', 'special']),
    compare: 'absolute',
    terms: ({ rows }) => rows!,
  },
  im2col_forward: { cases: cases(columnInts, ['real', 'special']), compare: 'exact' },
  im2col_backward: {
    cases: cases(columnInts, ['real', 'integers', 'special']),
    compare: 'absolute',
    terms: ({ r, s }) => r! * s!,
  },
  conv2d_forward: {
    cases: [...forwardCases.map((c) => ({ ...c, ints: { ...c.ints, tile: 0 } })), ...winogradForward].map((c) => ({
      ...c,
      without: [...(c.without ?? []), 'moments'],
    })),
    compare: 'absolute',
    terms: windowTerms,
    draw: { filter: finite, factor: finite, u: transformed(0) },
  },
  conv2d_backward_input: {
    cases: inputGradientCases,
    compare: 'absolute',
    terms: (ints) => (ints.r! * ints.s! * ints.k! + 1) * spread(ints),
    draw: { filter: finite, u: transformed(1), argmax: places },
  },
  conv2d_backward_filter: {
    cases: gradientCases,
    compare: 'absolute',
    terms: (ints) => ints.n! * summedOutputs(ints) * spread(ints),
    draw: { dy: finite, argmax: places },
  },
  winograd_filter_forward: {
    cases: cases(filterInts, ['real', 'special']),
    compare: (_, { u }) => ({ u: abs(array({ u: u! }, 'u')).fill(1) }),
    terms: ({ r }) => r! * r!,
  },
  zero_pad2d_forward: { cases: cases(paddingInts, ['real', 'special']), compare: 'exact' },
  zero_pad2d_backward: { cases: cases(paddingInts, ['real', 'special']), compare: 'exact' },
} satisfies Record<string, KernelCases>;
