/** Cases of the losses and of accuracy. */
import {
  array,
  cases,
  each,
  type Ints,
  indices,
  type KernelCases,
  type Magnitude,
  outsideInt32,
  reals,
  rowShapes,
  signs,
} from './case.js';

const k = ({ k }: Ints) => k!;
const labels = indices(k, outsideInt32);
const binaryLabels = indices(({ k }) => Math.max(2, k!), outsideInt32);
const hingeShapes: Ints[] = rowShapes.flatMap((ints) => [0, 1].map((squared) => ({ ...ints, squared })));

/** For each row, the sum of f(j) over its elements j. */
const rowSums = ({ rows, k }: Ints, f: (j: number) => number) =>
  each(rows!, (i) => {
    let sum = 0;
    for (let j = i * k!; j < (i + 1) * k!; j++) sum += f(j);
    return sum;
  });
/** Largest finite |z| of each row, or 1. */
const ranges = (inputs: Parameters<Magnitude>[0], { rows, k }: Ints) =>
  each(rows!, (i) => {
    let value = 1;
    for (let j = i * k!; j < (i + 1) * k!; j++) {
      const size = Math.abs(array(inputs, 'z')[j]!);
      if (Number.isFinite(size)) value = Math.max(value, size);
    }
    return value;
  });

const crossEntropyForward: Magnitude = (inputs, outputs, ints) => {
  const range = ranges(inputs, ints);
  return { loss: each(ints.rows!, (i) => Math.abs(array(outputs, 'loss')[i]!) + 3 * range[i]!) };
};
const crossEntropyBackward: Magnitude = (inputs, outputs, ints) => {
  const range = ranges(inputs, ints);
  return {
    dz: each(ints.rows! * ints.k!, (j) => {
      const i = Math.floor(j / ints.k!);
      const atLabel = array(inputs, 'labels')[i] === j % ints.k!;
      const dloss = Math.abs(array(inputs, 'dloss')[i]!);
      return (Math.abs(array(outputs, 'dz')[j]!) + (atLabel ? 2 * dloss : 0)) * range[i]!;
    }),
  };
};
const hingeForward: Magnitude = (inputs, _, ints) => ({
  loss: rowSums(
    ints,
    (j) => (1 + Math.abs(array(inputs, 't')[j]! * array(inputs, 'z')[j]!)) ** (ints.squared === 1 ? 2 : 1),
  ),
});
const hingeBackward: Magnitude = (inputs, _, ints) => ({
  dz: each(ints.rows! * ints.k!, (j) => {
    const dloss = Math.abs(array(inputs, 'dloss')[Math.floor(j / ints.k!)]!);
    return dloss * (ints.squared === 1 ? 2 * (1 + Math.abs(array(inputs, 'z')[j]!)) : 1);
  }),
});

export const losses = {
  squared_error_forward: { cases: cases(rowShapes, ['real', 'integers', 'special']), compare: 'output', terms: k },
  squared_error_backward: { cases: cases(rowShapes, ['real', 'integers', 'special']), compare: 'output' },
  softmax_cross_entropy_forward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: crossEntropyForward,
    terms: k,
    draw: { labels, z: reals(8) },
  },
  softmax_cross_entropy_backward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: crossEntropyBackward,
    terms: k,
    draw: { labels, z: reals(8) },
  },
  hinge_forward: {
    cases: cases(hingeShapes, ['real', 'special']),
    compare: hingeForward,
    terms: k,
    draw: { z: reals(3), t: signs },
  },
  hinge_backward: {
    cases: cases(hingeShapes, ['real', 'special']),
    compare: hingeBackward,
    draw: { z: reals(3), t: signs },
  },
  logistic_forward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: 'output',
    terms: k,
    draw: { z: reals(20), t: signs },
  },
  logistic_backward: {
    cases: cases(rowShapes, ['real', 'special']),
    compare: 'output',
    draw: { z: reals(20), t: signs },
  },
  one_hot_forward: {
    cases: cases(rowShapes, ['real', 'special'], { reals: { off: -0.25, on: 1 } }),
    compare: 'exact',
    draw: { labels },
  },
  // Integers have ties, of which the first counts.
  accuracy_forward: {
    cases: cases(rowShapes, ['real', 'integers', 'special'], { reals: { threshold: 0.25 } }),
    compare: 'exact',
    draw: { labels: binaryLabels },
  },
} satisfies Record<string, KernelCases>;
