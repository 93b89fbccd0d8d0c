/**
 * The factor that makes a gradient no longer than a limit (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural
 * networks", ICML 2013, algorithm 1): min(1, limit / |g|); NaN where g has one.
 */
import type { Args } from './args.js';

export function clipNorm({ g, factor, n, limit }: Args<'clip_norm'>): void {
  let squares = 0;
  for (let i = 0; i < n; i++) squares += g[i]! * g[i]!;
  const norm = Math.sqrt(squares);
  factor[0] = norm <= limit ? 1 : limit / norm;
}
