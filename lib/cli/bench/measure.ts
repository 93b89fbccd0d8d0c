/** Timing: warm-up, then samples of at least some milliseconds each, and of these the median, the least and the largest. */
import Benchmark from 'benchmark';

/** Milliseconds of one call. */
export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

export interface MeasureOptions {
  /** Time to spend on samples, after warm-up. Default 0.4. */
  readonly seconds?: number;
  /** Taken even if they need longer. Default 5. */
  readonly samples?: number;
}

export function timingOf(samplesMs: readonly number[]): Timing {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const medianMs = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { medianMs, minMs: sorted[0]!, maxMs: sorted[sorted.length - 1]! };
}

/** Times a call. A sample is the mean of as many calls as one clock reading needs to be trusted (Benchmark.js finds how many). */
export function measure(name: string, call: () => void, { seconds = 0.4, samples = 5 }: MeasureOptions = {}): Timing {
  const bench = new Benchmark(name, { fn: call, async: false, minSamples: samples, maxTime: seconds, initCount: 1 });
  bench.run();
  if ((bench as { error?: unknown }).error !== undefined) throw (bench as { error?: unknown }).error;
  return timingOf(bench.stats.sample.map((s) => s * 1e3));
}
