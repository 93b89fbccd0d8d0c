/**
 * Filters as Winograd's minimal filtering wants them (Lavin and Gray 2016): G g G' for each pair of channels. The points of evaluation are
 * 0, 1, -1, infinity (tile + r - 1 = 4), with 2, -2 (6), with 1/2, -1/2 (8). The reference's own convolutions have no use for it.
 */
import { panelled, points } from '../../geometry.js';
import type { Args } from './args.js';

const SIX = [
  [0, 1 / 4],
  [1, -1 / 6],
  [-1, -1 / 6],
  [2, 1 / 24],
  [-2, 1 / 24],
] as const;
const EIGHT = [
  [0, 1],
  [1, -2 / 9],
  [-1, -2 / 9],
  [2, 1 / 90],
  [-2, 1 / 90],
  [1 / 2, 32 / 45],
  [-1 / 2, 32 / 45],
] as const;

/** Rows of G: weights of the taps at each point. */
const G: Readonly<Record<string, readonly (readonly number[])[]>> = {
  '2,3': [
    [1, 0, 0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ],
  '4,3': rows(3, SIX),
  '2,5': rows(5, SIX),
  '4,5': rows(5, EIGHT),
};

/** Each row is scale x^tap, the last one (the point at infinity) the last tap. */
function rows(r: number, scales: readonly (readonly [x: number, scale: number])[]): number[][] {
  const powers = (x: number, scale: number) => Array.from({ length: r }, (_, i) => scale * x ** i);
  const end = powers(0, 0);
  end[r - 1] = 1;
  return [...scales.map(([x, scale]) => powers(x, scale)), end];
}

export function winogradFilterForward(args: Args<'winograd_filter_forward'>): void {
  const { filter, u, depth, columns, r, tile, turned } = args;
  const g = G[`${tile},${r}`];
  if (g === undefined) return;
  const side = g.length;
  const plane = depth * panelled(columns);
  u.fill(0, 0, points(tile, r) * plane);
  for (let d = 0; d < depth; d++)
    for (let j = 0; j < columns; j++) {
      const to = (Math.floor(j / 32) * depth + d) * 32 + (j % 32);
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          let sum = 0;
          for (let tap = 0; tap < r * r; tap++) {
            const weight = g[y]![Math.floor(tap / r)]! * g[x]![tap % r]!;
            const from = turned !== 0 ? ((r * r - 1 - tap) * columns + j) * depth + d : (tap * depth + d) * columns + j;
            if (weight !== 0) sum += weight * filter[from]!;
          }
          u[(y * side + x) * plane + to] = sum;
        }
    }
}
