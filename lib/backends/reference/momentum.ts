/**
 * Momentum (lecture notes 2.2.2, definition 2.2.1): with G = factor g + regularizer theta,
 * v <- momentum v - learningRate G; theta <- theta + v, less learningRate weightDecay theta.
 */
import type { Args } from './args.js';
import { wholeGradient } from './sgd.js';

export function momentumStep(args: Args<'momentum_step'>): void {
  const { theta, v, n, learningRate, weightDecay, momentum } = args;
  const gradient = wholeGradient(args);
  for (let i = 0; i < n; i++) {
    const velocity = momentum * v[i]! - learningRate * gradient(i);
    v[i] = velocity;
    theta[i]! += velocity - learningRate * weightDecay * theta[i]!;
  }
}
