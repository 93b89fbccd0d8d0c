/** Cases of batch normalization. */
import {
  array,
  cases,
  type Draw,
  each,
  finite,
  type Ints,
  type KernelCases,
  lengthShapes,
  type Magnitude,
  nonNegative,
  reals,
  rowShapes,
} from './case.js';

const EPSILON = { reals: { epsilon: 1e-5 }, without: ['moments'] }; // test/kernels/moments.slow.test.ts
const shapes: Ints[] = rowShapes.map((ints, i) => ({ ...ints, relu: i % 2, h: 0, w: 0 }));

const forwardCases = [
  ...cases(shapes, ['real', 'integers', 'special'], EPSILON),
  ...cases(shapes, ['real', 'integers', 'special'], { ...EPSILON, without: ['moments', 'addend'] }),
];

/** Where the fill is real, every third channel has a mean a thousand times its deviation, and every fifth is constant. */
const x: Draw = (random, length, c, drawn) => {
  const k = c.ints.k!;
  return Array.from(reals()(random, length, c, drawn), (value, i) => {
    if (c.fill !== 'real') return value;
    if ((i % k) % 5 === 4) return 0.1;
    return (i % k) % 3 === 2 ? value + 1000 : value;
  });
};

/** Of each element, f(i, j) of its place and its channel. */
const elements = ({ rows, k }: Ints, f: (i: number, j: number) => number) => each(rows! * k!, (i) => f(i, i % k!));
/** Of each channel, the mean of |f|, where that is a number (the others may be masked). */
const means = ({ rows, k }: Ints, f: (i: number, j: number) => number) =>
  each(k!, (j) => {
    let sum = 0;
    for (let i = j; i < rows! * k!; i += k!) sum += Number.isFinite(f(i, j)) ? Math.abs(f(i, j)) / rows! : 0;
    return sum;
  });
/** Rounding of a sum in double precision, beside that of its value. */
const TINY = 2 ** -24;

const forward: Magnitude = (inputs, outputs, ints) => {
  const [given, scale, shift] = ['x', 'scale', 'shift'].map((name) => array(inputs, name));
  const [mean, variance] = ['mean', 'variance'].map((name) => array({ ...inputs, ...outputs }, name));
  const y = elements(ints, (i, j) => {
    const factor = scale![j]! / Math.sqrt(variance![j]! + EPSILON.reals.epsilon);
    const added = inputs.addend === undefined ? 0 : array(inputs, 'addend')[i]!;
    return Math.abs((given![i]! - mean![j]!) * factor) + Math.abs(shift![j]!) + Math.abs(added);
  });
  if (!('mean' in outputs)) return { y } as Record<string, Float64Array>;
  const size = means(ints, (i) => given![i]!);
  return {
    y,
    mean: each(ints.k!, (j) => Math.abs(mean![j]!) + TINY * size[j]!),
    variance: each(ints.k!, (j) => variance![j]! + TINY * (1 + variance![j]!)),
  };
};

const backward: Magnitude = (inputs, outputs, ints) => {
  const [given, dy, mean] = ['x', 'dy', 'mean'].map((name) => array(inputs, name));
  const deviation = (j: number) => Math.sqrt(array(inputs, 'variance')[j]! + EPSILON.reals.epsilon);
  const normal = (i: number, j: number) => (given![i]! - mean![j]!) / deviation(j);
  const common = means(ints, (i) => dy![i]!);
  const along = means(ints, (i, j) => dy![i]! * normal(i, j));
  return {
    dx: elements(ints, (i, j) => {
      const factor = Math.abs(array(inputs, 'scale')[j]! / deviation(j));
      return (
        factor * ((Number.isFinite(dy![i]!) ? Math.abs(dy![i]!) : 0) + common[j]! + Math.abs(normal(i, j)) * along[j]!)
      );
    }),
    dscale: each(ints.k!, (j) => Math.abs(array(outputs, 'dscale')[j]!) + TINY * ints.rows! * along[j]!),
    dshift: each(ints.k!, (j) => Math.abs(array(outputs, 'dshift')[j]!) + TINY * ints.rows! * common[j]!),
  };
};

const affine: Magnitude = (inputs, { factor }, { n }) => {
  const of = (name: string, j: number) => (name in inputs ? Math.abs(array(inputs, name)[j]!) : 0);
  const factors = array({ factor: factor! }, 'factor').map(Math.abs);
  return {
    factor: factors,
    offset: each(n!, (j) => of('shift', j) + (of('bias', j) + of('mean', j)) * factors[j]!),
  };
};

const average: Magnitude = (inputs, _, { rows, k }) => {
  const sizes = (old: string, value: string) =>
    each(k!, (j) => Math.abs(array(inputs, old)[j]!) + 2 * Math.abs(array(inputs, value)[j]!));
  return {
    newMean: sizes('oldMean', 'mean'),
    newVariance: rows! < 2 ? array(inputs, 'oldVariance') : sizes('oldVariance', 'variance'),
  };
};

export const normalization = {
  batch_norm_forward: {
    cases: forwardCases,
    compare: forward,
    draw: { x, scale: finite },
  },
  batch_norm_inference: {
    cases: forwardCases,
    compare: forward,
    draw: { variance: nonNegative },
  },
  batch_norm_affine: {
    cases: [
      ...cases(lengthShapes, ['real', 'integers', 'special'], EPSILON),
      ...cases(lengthShapes, ['real', 'special'], { ...EPSILON, without: ['bias'] }),
    ],
    compare: affine,
    draw: { variance: nonNegative },
  },
  batch_norm_backward: {
    cases: [
      ...cases(rowShapes, ['real', 'integers', 'special'], EPSILON),
      ...cases(rowShapes, ['real', 'integers', 'special'], { ...EPSILON, without: ['y'] }),
    ],
    compare: backward,
    draw: { scale: finite, variance: nonNegative },
  },
  batch_norm_average: {
    cases: cases(rowShapes, ['real', 'special'], { reals: { momentum: 0.9 } }),
    compare: average,
    draw: { oldVariance: nonNegative, variance: nonNegative },
  },
} satisfies Record<string, KernelCases>;
