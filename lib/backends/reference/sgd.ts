/**
 * Stochastic gradient step (lecture notes 2.2.1): with G = factor g + regularizer theta (regularizer = 1/C),
 * theta <- theta - learningRate G - learningRate weightDecay theta.
 */
import type { Args } from './args.js';

export function sgdStep({ theta, g, factor, n, learningRate, regularizer, weightDecay }: Args<'sgd_step'>): void {
  const clip = factor?.[0] ?? 1;
  for (let i = 0; i < n; i++) {
    const gradient = clip * g[i]! + regularizer * theta[i]!;
    theta[i]! -= learningRate * gradient + learningRate * weightDecay * theta[i]!;
  }
}
