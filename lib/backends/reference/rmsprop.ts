/**
 * RMSProp (lecture notes 2.2.4, definition 2.2.3): with G = factor g + regularizer theta, r <- decay r + (1 - decay) G^2;
 * theta <- theta - learningRate G / (sqrt(r) + delta), less learningRate weightDecay theta.
 */
import type { Args } from './args.js';
import { wholeGradient } from './sgd.js';

export function rmspropStep(args: Args<'rmsprop_step'>): void {
  const { theta, r, n, learningRate, weightDecay, decay, delta } = args;
  const whole = wholeGradient(args);
  for (let i = 0; i < n; i++) {
    const gradient = whole(i);
    const squares = decay * r[i]! + (1 - decay) * gradient * gradient;
    r[i] = squares;
    theta[i]! -= (learningRate * gradient) / (Math.sqrt(squares) + delta) + learningRate * weightDecay * theta[i]!;
  }
}
