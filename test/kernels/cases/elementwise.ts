/** Cases of the activations, the element-by-element kernels, sums, random numbers and the gathers. */
import {
  abs,
  array,
  type Case,
  cases,
  each,
  type Ints,
  indices,
  type KernelCases,
  lengthShapes,
  type Magnitude,
  nonNegative,
  outsideInt32,
  reals,
  rowShapes,
} from './case.js';

const n = ({ n }: Ints) => n!;
const k = ({ k }: Ints) => k!;
const row = (i: number, ints: Ints) => Math.floor(i / ints.k!);

/** Largest finite |x| of each row: what an error in the argument of exp is measured by. */
function rowRange(x: ArrayLike<number>, { rows, k }: Ints): Float64Array {
  return each(rows!, (i) => {
    let largest = 1;
    for (let j = i * k!; j < (i + 1) * k!; j++)
      if (Number.isFinite(x[j]!)) largest = Math.max(largest, Math.abs(x[j]!));
    return largest;
  });
}

const softmaxForward: Magnitude = (inputs, outputs, ints) => {
  const range = rowRange(array(inputs, 'x'), ints);
  return { y: each(ints.rows! * ints.k!, (i) => array(outputs, 'y')[i]! * range[row(i, ints)]!) };
};
const logSoftmaxForward: Magnitude = (inputs, outputs, ints) => {
  const range = rowRange(array(inputs, 'x'), ints);
  return { y: each(ints.rows! * ints.k!, (i) => Math.abs(array(outputs, 'y')[i]!) + 2 * range[row(i, ints)]!) };
};
const rowSums = (values: Float64Array, { rows, k }: Ints) =>
  each(rows!, (i) => values.subarray(i * k!, (i + 1) * k!).reduce((a, b) => a + b, 0));
const softmaxBackward: Magnitude = (inputs, _, ints) => {
  const [dy, y] = [abs(array(inputs, 'dy')), array(inputs, 'y')];
  const sums = rowSums(
    dy.map((value, i) => value * y[i]!),
    ints,
  );
  return { dx: dy.map((value, i) => y[i]! * (value + sums[row(i, ints)]!)) };
};
const logSoftmaxBackward: Magnitude = (inputs, _, ints) => {
  const [dy, y] = [abs(array(inputs, 'dy')), array(inputs, 'y')];
  const sums = rowSums(dy, ints);
  return { dx: dy.map((value, i) => value + Math.exp(y[i]!) * sums[row(i, ints)]!) };
};

const dropoutCases: Case[] = lengthShapes.flatMap((ints, i) =>
  [0, 0.25, 0.3, 0.9].map((rate, j) => ({
    ints: {
      ...ints,
      seed: [1, 2 ** 32 + 9, 2 ** 53 - 1][i % 3]!,
      stream: i,
      step: j,
      first: [0, 1, 2, 3, 2 ** 34 - 2][(i + j) % 5]!,
    },
    reals: { rate },
    fill: j === 2 ? ('special' as const) : ('real' as const),
  })),
);
const randomCases = dropoutCases.map(({ ints }): Case => ({ ints, fill: 'real' }));

const sourceShapes: Ints[] = [...rowShapes, { rows: 5, k: 3072 }].map((ints, i) => ({
  ...ints,
  sourceRows: [1, 5, 40][i % 3]!,
}));
const rowIndices = indices(({ sourceRows }) => sourceRows!, outsideInt32);

export const elementwise = {
  relu_forward: { cases: cases(lengthShapes, ['real', 'integers', 'special']), compare: 'exact' },
  relu_backward: { cases: cases(lengthShapes, ['real', 'integers', 'special']), compare: 'exact' },
  sigmoid_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'output', draw: { x: reals(20) } },
  sigmoid_backward: {
    cases: cases(lengthShapes, ['real', 'special']),
    compare: (inputs) => ({ dx: abs(array(inputs, 'dy')) }),
    draw: { y: nonNegative },
  },
  tanh_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'output', draw: { x: reals(5) } },
  tanh_backward: {
    cases: cases(lengthShapes, ['real', 'special']),
    compare: (inputs) => ({ dx: abs(array(inputs, 'dy')) }),
  },
  softmax_forward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: softmaxForward,
    terms: k,
    draw: { x: reals(8) },
  },
  softmax_backward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: softmaxBackward,
    terms: k,
    draw: { y: nonNegative },
  },
  log_softmax_forward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: logSoftmaxForward,
    terms: k,
    draw: { x: reals(8) },
  },
  log_softmax_backward: { cases: cases(rowShapes, ['real', 'special']), compare: logSoftmaxBackward, terms: k },
  copy_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'exact' },
  add_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'exact' },
  sub_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'exact' },
  mul_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'exact' },
  scale_forward: { cases: cases(lengthShapes, ['real', 'special'], { reals: { factor: -0.375 } }), compare: 'exact' },
  sum_forward: { cases: cases(lengthShapes, ['real', 'integers', 'special']), compare: 'absolute', terms: n },
  sum_backward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'exact' },
  mean_forward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'absolute', terms: n },
  mean_backward: {
    cases: cases(
      lengthShapes.map((ints) => ({ ...ints, count: ints.n! + 3 })),
      ['real', 'special'],
    ),
    compare: 'output',
  },
  squared_norm_forward: { cases: cases(lengthShapes, ['real', 'integers', 'special']), compare: 'absolute', terms: n },
  squared_norm_backward: { cases: cases(lengthShapes, ['real', 'special']), compare: 'output' },
  l1_norm_forward: { cases: cases(lengthShapes, ['real', 'integers', 'special']), compare: 'absolute', terms: n },
  l1_norm_backward: { cases: cases(lengthShapes, ['real', 'integers', 'special']), compare: 'exact' },
  dropout_forward: { cases: dropoutCases, compare: 'output' },
  random_uniform: { cases: randomCases, compare: 'exact' },
  gather_rows: { cases: cases(sourceShapes, ['real', 'special']), compare: 'exact', draw: { indices: rowIndices } },
  gather_bytes: {
    cases: cases(sourceShapes, ['real', 'special'], { reals: { factor: 1 / 255, shift: -0.1307 } }),
    compare: (_, outputs) => ({
      y: each(array(outputs, 'y').length, (i) => Math.abs(array(outputs, 'y')[i]!) + 0.2614),
    }),
    draw: { indices: rowIndices },
  },
  gather_labels: {
    cases: cases(
      sourceShapes.map(({ rows, sourceRows }) => ({ rows: rows!, sourceRows: sourceRows! })),
      ['real', 'special'],
    ),
    compare: 'exact',
    draw: { indices: rowIndices },
  },
} satisfies Record<string, KernelCases>;
