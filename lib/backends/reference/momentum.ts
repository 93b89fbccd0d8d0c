/**
 * Momentum (lecture notes 2.2.2, definition 2.2.1): with G = factor g + regularizer theta,
 * v <- momentum v - learningRate G; theta <- theta + v, less learningRate weightDecay theta.
 */
import type { Args } from './args.js';

export function momentumStep(args: Args<'momentum_step'>): void {
  const { theta, g, factor, v, n, learningRate, regularizer, weightDecay, momentum } = args;
  const clip = factor?.[0] ?? 1;
  for (let i = 0; i < n; i++) {
    const velocity = momentum * v[i]! - learningRate * (clip * g[i]! + regularizer * theta[i]!);
    v[i] = velocity;
    theta[i]! += velocity - learningRate * weightDecay * theta[i]!;
  }
}
