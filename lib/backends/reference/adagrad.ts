/**
 * AdaGrad (lecture notes 2.2.3, definition 2.2.2; Duchi, Hazan and Singer 2011): with G = factor g + regularizer theta,
 * r <- r + G^2; theta <- theta - learningRate G / (sqrt(r) + delta), less learningRate weightDecay theta.
 */
import type { Args } from './args.js';
import { wholeGradient } from './sgd.js';

export function adagradStep(args: Args<'adagrad_step'>): void {
  const { theta, r, n, learningRate, weightDecay, delta } = args;
  const whole = wholeGradient(args);
  for (let i = 0; i < n; i++) {
    const gradient = whole(i);
    const squares = r[i]! + gradient * gradient;
    r[i] = squares;
    theta[i]! -= (learningRate * gradient) / (Math.sqrt(squares) + delta) + learningRate * weightDecay * theta[i]!;
  }
}
