/** The ceilings that results are shares of. */
import { loadBinding } from '../../binding.js';

/** What the machine does at most: single-precision operations on registers, and bytes read plus bytes written by a copy. */
export interface Ceiling {
  readonly gflops: number;
  readonly gbPerSecond: number;
}

export interface Share {
  readonly bound: 'compute' | 'memory';
  readonly shareOfPeak: number | null;
}

/** Which ceiling a result comes nearer to, and how near. */
export function shareOf(ceiling: Ceiling | undefined, gflops: number, gbPerSecond: number): Share {
  if (ceiling === undefined) return { bound: gflops > gbPerSecond ? 'compute' : 'memory', shareOfPeak: null };
  const [compute, memory] = [gflops / ceiling.gflops, gbPerSecond / ceiling.gbPerSecond];
  return compute >= memory ? { bound: 'compute', shareOfPeak: compute } : { bound: 'memory', shareOfPeak: memory };
}

/** Measures the ceilings of `threads` threads, or of a GPU (its number), in about half a second; undefined without the addon. */
export function measureCeiling(threads: number, gpu?: number): Ceiling | undefined {
  return loadBinding().binding?.ceiling(threads, gpu);
}
