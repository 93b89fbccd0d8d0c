/**
 * Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014, section 10):
 * with u = number `first` + i of the random stream, y = x / (1 - rate) where u >= rate, else 0. Applied to dy it is its own backward.
 */
import { fillUniform } from '../../random.js';
import type { Args } from './args.js';

export function dropoutForward({ x, y, n, seed, stream, step, first, rate }: Args<'dropout_forward'>): void {
  const u = fillUniform(new Float32Array(n), seed, stream, step, first);
  for (let i = 0; i < n; i++) y[i] = u[i]! >= rate ? x[i]! / (1 - rate) : 0;
}
