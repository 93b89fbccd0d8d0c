/**
 * Stochastic gradient step (lecture notes 2.2.1): with G = factor g + regularizer theta (regularizer = 1/C),
 * theta <- theta - learningRate G - learningRate weightDecay theta.
 */
import type { Args } from './args.js';

/** Element i of the whole gradient G = factor g + regularizer theta, which all optimizers take; without a factor it is 1. */
export function wholeGradient({ theta, g, factor, regularizer }: Args<'sgd_step'>): (i: number) => number {
  const clip = factor?.[0] ?? 1;
  return (i) => clip * g[i]! + regularizer * theta[i]!;
}

export function sgdStep(args: Args<'sgd_step'>): void {
  const { theta, n, learningRate, weightDecay } = args;
  const gradient = wholeGradient(args);
  for (let i = 0; i < n; i++) {
    theta[i]! -= learningRate * gradient(i) + learningRate * weightDecay * theta[i]!;
  }
}
