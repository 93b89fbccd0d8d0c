/**
 * Adam (lecture notes 2.2.5, definition 2.2.4; Kingma and Ba 2015), and with weightDecay AdamW (2.2.6; Loshchilov and Hutter 2019).
 * With G = factor g + regularizer theta: s <- beta1 s + (1 - beta1) G; r <- beta2 r + (1 - beta2) G^2; theta <- theta - learningRate
 * (s / (1 - beta1^t)) / (sqrt(r / (1 - beta2^t)) + delta), less learningRate weightDecay theta. t counts the updates from 1.
 */
import type { Args } from './args.js';
import { wholeGradient } from './sgd.js';

export function adamStep(args: Args<'adam_step'>): void {
  const { theta, s, r, n, t, learningRate, weightDecay, beta1, beta2, delta } = args;
  const [first, second] = [1 - beta1 ** t, 1 - beta2 ** t];
  const whole = wholeGradient(args);
  for (let i = 0; i < n; i++) {
    const gradient = whole(i);
    const mean = beta1 * s[i]! + (1 - beta1) * gradient;
    const squares = beta2 * r[i]! + (1 - beta2) * gradient * gradient;
    s[i] = mean;
    r[i] = squares;
    const step = (learningRate * (mean / first)) / (Math.sqrt(squares / second) + delta);
    theta[i]! -= step + learningRate * weightDecay * theta[i]!;
  }
}
