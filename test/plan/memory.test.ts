import { describe, expect, it } from 'vitest';
import { type Interval, layoutArena } from '../../lib/plan/memory.js';
import { uniform } from '../../lib/random.js';

function overlaps(a: Interval, b: Interval): boolean {
  return a.first <= b.last && b.first <= a.last;
}

describe('layoutArena', () => {
  it('gives buffers that live one after the other the same space', () => {
    const layout = layoutArena([
      { bytes: 1000, first: 0, last: 1 },
      { bytes: 1000, first: 2, last: 3 },
      { bytes: 1000, first: 4, last: 4 },
    ]);
    expect(layout).toEqual({ offsets: [0, 0, 0], bytes: 1024 });
  });

  it('keeps buffers that touch in time apart', () => {
    const { offsets, bytes } = layoutArena([
      { bytes: 64, first: 0, last: 1 },
      { bytes: 64, first: 1, last: 2 },
    ]);
    expect(new Set(offsets)).toEqual(new Set([0, 64]));
    expect(bytes).toBe(128);
  });

  it('never lets two living buffers share a byte, starts each at a multiple of 64, and packs well', () => {
    for (let seed = 0; seed < 50; seed++) {
      const draw = (i: number, below: number) => Math.floor(uniform(seed, 0, 0, i) * below);
      const intervals = Array.from({ length: 30 }, (_, i) => {
        const first = draw(3 * i, 20);
        return { bytes: draw(3 * i + 1, 5000), first, last: first + draw(3 * i + 2, 6) };
      });
      const { offsets, bytes } = layoutArena(intervals);
      expect(offsets.filter((offset) => offset % 64 !== 0)).toEqual([]);
      expect(Math.max(...intervals.map((a, i) => offsets[i]! + a.bytes))).toBeLessThanOrEqual(bytes);
      const apart = (i: number, j: number) => offsets[i]! + intervals[i]!.bytes <= offsets[j]!;
      for (const [i, a] of intervals.entries()) {
        const together = intervals.flatMap((b, j) => (i < j && a.bytes > 0 && b.bytes > 0 && overlaps(a, b) ? j : []));
        expect(together.filter((j) => !apart(i, j) && !apart(j, i))).toEqual([]);
      }
      const peak = Math.max(
        ...Array.from({ length: 26 }, (_, t) =>
          intervals.reduce((sum, v) => sum + (v.first <= t && t <= v.last ? Math.ceil(v.bytes / 64) * 64 : 0), 0),
        ),
      );
      expect(bytes).toBeGreaterThanOrEqual(peak);
      expect(bytes).toBeLessThanOrEqual(1.3 * peak);
    }
  });
});
