/** Every optimizer against PyTorch's own, and against the textbook's formula where PyTorch has another (test/golden/optimizers.py). */
import { describe, expect, test } from 'vitest';
import type { OptimizerName } from '../../lib/optimizers/optimizer.js';
import type { SequentialOptions } from '../../lib/train/model.js';
import { hasCpu } from '../train/tiny.js';
import { cases, difference, others, trajectory } from './trajectory.js';

type Device = readonly [name: string, options: Partial<SequentialOptions>, most: number];
const exact = { device: 'reference', precision: 'float64' } as const;
const reference: Device = ['reference', exact, 1e-13];
const devices: Device[] = hasCpu() ? [reference, ['cpu', { device: 'cpu' }, 2e-6]] : [reference];

describe.each(devices)('twenty updates on %s', (_, options, most) => {
  test.each(cases)('$name: the numbers of $from', async (c) => {
    expect(difference(await trajectory(options, c), c)).toBeLessThan(most);
  });
});

test.each(['momentum', 'nesterov'])(
  "%s: with a new rate PyTorch's past gradients count by it, ours by their own",
  async (name) => {
    const ours = await trajectory(exact, cases.find((c) => c.name === `${name}, step`)!);
    const torch = others[`${name}, step, of PyTorch`]!;
    // The rate changes at update 8: losses 0 to 8 are of before.
    const apart = ours.losses.map((loss, t) => Math.abs(loss - torch.losses[t]!));
    for (const [t, size] of apart.entries())
      t <= 8 ? expect(size).toBeLessThan(1e-12) : expect(size).toBeGreaterThan(1e-3);
  },
);

/**
 * The regulariser theta'theta / (2C) adds theta/C to the gradient; `weightDecay` takes learningRate weightDecay theta off. The lecture's rate
 * of decay is lambda = learningRate weightDecay, so lambda = learningRate / C is weightDecay = 1/C.
 */
describe('weight decay with lambda = eta/C and the regulariser (lecture notes 2.2.6)', () => {
  const learningRate = { name: 'cosine', options: { learningRate: 0.2, steps: 20, warmup: 3 } };
  const pair = async (options: Partial<SequentialOptions>, optimizer: OptimizerName) => {
    const decayed = await trajectory(options, { optimizer, options: { learningRate, weightDecay: 1 / 8 } });
    return difference(
      decayed,
      await trajectory(options, { optimizer, options: { learningRate, weightDecay: 0 }, C: 8 }),
    );
  };
  test.each(devices)(
    'are one and the same for plain stochastic gradient, whatever the rates: %s',
    async (_, options, most) => {
      expect(await pair(options, 'sgd')).toBeLessThan(most);
    },
  );
  test.each(['momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'] as const)('are two for %s', async (name) => {
    expect(await pair(exact, name)).toBeGreaterThan(1e-2);
  });
});
