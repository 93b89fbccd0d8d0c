/** Where the buffers of a plan's arena lie: those whose lives do not overlap share space. */

export interface Interval {
  readonly bytes: number;
  /** First and last position (inclusive) at which the buffer is in use. */
  readonly first: number;
  readonly last: number;
}

const ALIGNMENT = 64;

/**
 * Offsets (multiples of 64) for each interval and the size of the arena. The largest buffers are placed first, each at the lowest
 * offset that is free for its whole life.
 */
export function layoutArena(intervals: readonly Interval[]): { offsets: number[]; bytes: number } {
  const offsets = new Array<number>(intervals.length).fill(0);
  const placed: { start: number; end: number; interval: Interval }[] = [];
  const order = intervals.map((_, i) => i).sort((a, b) => intervals[b]!.bytes - intervals[a]!.bytes || a - b);
  let bytes = 0;
  for (const i of order) {
    const interval = intervals[i]!;
    const size = Math.ceil(interval.bytes / ALIGNMENT) * ALIGNMENT;
    const inTheWay = placed
      .filter(({ interval: other }) => other.first <= interval.last && interval.first <= other.last)
      .sort((a, b) => a.start - b.start);
    let start = 0;
    for (const other of inTheWay) {
      if (start + size <= other.start) break;
      start = Math.max(start, other.end);
    }
    offsets[i] = start;
    placed.push({ start, end: start + size, interval });
    bytes = Math.max(bytes, start + size);
  }
  return { offsets, bytes };
}
