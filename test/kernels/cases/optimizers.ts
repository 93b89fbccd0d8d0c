/** Cases of the optimizers' updates. */
import { array, type Case, each, type KernelCases, lengthShapes, type Magnitude, nonNegative } from './case.js';

const rates = [
  { learningRate: 0.01, regularizer: 0, weightDecay: 0 },
  { learningRate: 0.1, regularizer: 0.02, weightDecay: 0 },
  { learningRate: 1, regularizer: 0, weightDecay: 0.01 },
  { learningRate: 0.003, regularizer: 0.5, weightDecay: 0.25 },
];

/** With a factor of the gradient, and without. */
function updates(reals: Record<string, number>, ts: readonly number[] = [0]): Case[] {
  return lengthShapes.flatMap((ints, i) =>
    rates.map((rate, j) => ({
      ints: reals.beta1 === undefined ? ints : { ...ints, t: ts[(i + j) % ts.length]! },
      reals: { ...rate, ...reals },
      ...(j % 2 === 1 && { without: ['factor'] }),
      fill: (i + j) % 4 === 3 ? ('special' as const) : ('real' as const),
    })),
  );
}

/**
 * Of a state: what it was and the gradient that goes in. Of theta: what it was, how far it went, and as far as that comes from a sum
 * that may cancel out, the parts of that sum.
 */
const magnitude: Magnitude = (inputs, outputs) => {
  const at = (name: string, i: number) => (inputs[name] === undefined ? 0 : Math.abs(array(inputs, name)[i]!));
  const gradient = (i: number) => at('g', i) + at('theta', i);
  const moved = (i: number) => Math.abs(array(outputs, 'theta')[i]! - array(inputs, 'theta')[i]!);
  const cancelled = (i: number) => {
    const mean = outputs.s === undefined ? 0 : Math.abs(array(outputs, 's')[i]!);
    return mean === 0 ? 0 : (moved(i) * (at('s', i) + 0.1 * gradient(i))) / mean;
  };
  const result: Record<string, Float64Array> = {};
  for (const [name, values] of Object.entries(outputs))
    result[name] = each((values as Float64Array).length, (i) => {
      if (name === 'theta') return at(name, i) + moved(i) + at('v', i) + cancelled(i);
      return at(name, i) + (name === 'r' ? gradient(i) ** 2 : gradient(i));
    });
  return result;
};

const update = (cases: Case[], squares = false): KernelCases => ({
  cases,
  compare: magnitude,
  ...(squares ? { draw: { r: nonNegative } } : {}),
});

export const optimizers = {
  // Limits above, at and below any length; 0 and infinite gradients among them.
  clip_norm: {
    cases: lengthShapes.flatMap((ints, i) =>
      [1e9, 1, 0.01].map(
        (limit, j) => ({ ints, reals: { limit }, fill: (i + j) % 4 === 3 ? 'special' : 'real' }) as const,
      ),
    ),
    compare: 'output',
    terms: ({ n }) => n!,
  },
  sgd_step: update(updates({})),
  momentum_step: update(updates({ momentum: 0.9 })),
  nesterov_step: update(updates({ momentum: 0.9 })),
  adagrad_step: update(updates({ delta: 1e-7 }), true),
  rmsprop_step: update(updates({ decay: 0.99, delta: 1e-8 }), true),
  adam_step: update(updates({ beta1: 0.9, beta2: 0.999, delta: 1e-8 }, [1, 2, 10, 5000]), true),
} satisfies Record<string, KernelCases>;
