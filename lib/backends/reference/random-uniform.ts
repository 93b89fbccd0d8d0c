/** y_i = number `first` + i of a random stream, uniform on [0, 1) (random.ts). */
import { fillUniform } from '../../random.js';
import type { Args } from './args.js';

export function randomUniform({ y, n, seed, stream, step, first }: Args<'random_uniform'>): void {
  fillUniform(y.subarray(0, n), seed, stream, step, first);
}
