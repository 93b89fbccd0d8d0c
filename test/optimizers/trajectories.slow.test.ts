/** Every optimizer against PyTorch's own, and against the textbook's formula where PyTorch has another (test/golden/optimizers.py). */
import { describe, expect, test } from 'vitest';
import type { SequentialOptions } from '../../lib/train/model.js';
import { hasCpu } from '../train/tiny.js';
import { cases, difference, named, others, trajectory } from './trajectory.js';

type Device = readonly [name: string, options: Partial<SequentialOptions>, most: number];
const reference: Device = ['reference', { device: 'reference', precision: 'float64' }, 1e-13];
const devices: Device[] = hasCpu() ? [reference, ['cpu', { device: 'cpu' }, 2e-6]] : [reference];

describe.each(devices)('twenty updates on %s', (_, options, most) => {
  test.each(cases)('$name: the numbers of $from', async (c) => {
    expect(difference(await trajectory(options, c), c)).toBeLessThan(most);
  });
});

test.each(['momentum', 'nesterov'])(
  "%s: with a new rate PyTorch's past gradients count by it, ours by their own",
  (name) => {
    const [ours, torch] = [named(`${name}, step`), others[`${name}, step, of PyTorch`]!];
    const apart = ours.losses.map((loss, t) => Math.abs(loss - torch.losses[t]!));
    // The rate changes at update 8: losses 0 to 8 are of before.
    expect(Math.max(...apart.slice(0, 9))).toBeLessThan(1e-12);
    expect(Math.min(...apart.slice(9))).toBeGreaterThan(1e-3);
  },
);

/**
 * The regulariser theta'theta / (2C) adds theta/C to the gradient; `weightDecay` takes learningRate weightDecay theta off. The lecture's rate
 * of decay is lambda = learningRate weightDecay, so lambda = learningRate / C is weightDecay = 1/C: here 1/8 in both.
 */
describe('weight decay with lambda = eta/C and the regulariser (lecture notes 2.2.6)', () => {
  const apart = (name: string) => difference(named(`${name}, decay`), named(`${name}, theta/C`));

  test('are one and the same for plain stochastic gradient', () => {
    expect(apart('sgd')).toBeLessThan(1e-13);
  });

  test.each(devices)('are so whatever the rates: %s', async (_, options, most) => {
    const learningRate = { name: 'cosine', options: { learningRate: 0.2, steps: 20, warmup: 3 } };
    const run = (weightDecay: number, C?: number) =>
      trajectory(options, { optimizer: 'sgd', options: { learningRate, weightDecay }, C });
    expect(difference(await run(1 / 8), await run(0, 8))).toBeLessThan(most);
  });

  test.each(['momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'])('are two for %s', (name) => {
    expect(apart(name)).toBeGreaterThan(1e-2);
  });
});
