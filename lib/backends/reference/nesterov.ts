/**
 * Nesterov momentum with the look-ahead folded into theta (Sutskever, Martens, Dahl and Hinton, "On the importance of initialization
 * and momentum in deep learning", ICML 2013; the form of Bengio, Boulanger-Lewandowski and Pascanu 2013, equation 7): with
 * G = factor g + regularizer theta, v <- momentum v - learningRate G; theta <- theta + momentum v - learningRate G, less
 * learningRate weightDecay theta.
 */
import type { Args } from './args.js';
import { wholeGradient } from './sgd.js';

export function nesterovStep(args: Args<'nesterov_step'>): void {
  const { theta, v, n, learningRate, weightDecay, momentum } = args;
  const gradient = wholeGradient(args);
  for (let i = 0; i < n; i++) {
    const step = learningRate * gradient(i);
    const velocity = momentum * v[i]! - step;
    v[i] = velocity;
    theta[i]! += momentum * velocity - step - learningRate * weightDecay * theta[i]!;
  }
}
