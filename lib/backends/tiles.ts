/** Which algorithm the cpu backend convolves with: the tile of Winograd's minimal filtering, or 0 for the direct sum. */
import { out, points } from '../geometry.js';
import type { ConvolutionShape } from './backend.js';
import type { KernelName } from './kernels.js';

export const convolutionKernels = {
  forward: 'conv2d_forward',
  input: 'conv2d_backward_input',
  filter: 'conv2d_backward_filter',
} as const satisfies Record<ConvolutionShape['direction'], KernelName>;

/** Floats of a transformed filter beyond which a convolution of few tiles makes it in parts, as it goes: they would go to memory and back. */
const LARGE = 2 ** 22;
/** Tiles of an image that are few: the filter is transformed again for every 64 tiles. */
const FEW = 2;

/**
 * The whole numbers of winograd_filter_forward for a convolution's filter; one for the input gradient is turned. Undefined where the
 * convolution takes the filter as it is.
 */
export function filterTransform(shape: ConvolutionShape, tile: number) {
  const { direction, h, w, c, k, r, s, padding } = shape;
  if (tile === 0 || direction === 'filter') return undefined;
  const [height, width] = direction === 'input' ? [h, w] : [out(h, r, 1, padding), out(w, s, 1, padding)];
  const few = Math.ceil(height / tile) * Math.ceil(width / tile) <= FEW;
  if (few && c >= 16 && points(tile, r) * c * k > LARGE) return undefined;
  return direction === 'input'
    ? { depth: k, columns: c, r, tile, turned: 1 }
    : { depth: c, columns: k, r, tile, turned: 0 };
}

/** The tiles there is a kernel for (native/kernels/winograd_tiles.h, winograd_strips.h), none but 0 where the direct sum is all there is. */
export function tilesFor(shape: ConvolutionShape): readonly number[] {
  const { direction, c, k, r, s, stride, pool, poolStride } = shape;
  if (stride !== 1 || r !== s || c === 0 || k === 0 || k % 16 !== 0) return [0];
  if (pool !== 0 && !(pool === 2 && poolStride === 2)) return [0];
  if (c < 16) {
    // Few channels: where it was measured to win.
    const wins = r === 5 ? direction !== 'input' : r === 3 && direction === 'forward' && c <= 4;
    return wins ? [0, 4] : [0];
  }
  if (c % 16 !== 0) return [0];
  if (r === 3) return [0, 2, 4];
  // F(4x4,5x5) is within 5e-6 of float64 up to sums over 128 channels.
  return r === 5 ? (Math.max(c, k) <= 128 ? [0, 2, 4] : [0, 2]) : [0];
}

/** Those that round about as the direct sum does: tiles of 4 lose a digit. */
export function strictTiles(tiles: readonly number[]): readonly number[] {
  return tiles.filter((tile) => tile < 4);
}

/** The choice among tiles by sizes alone: the largest tile that an image fills; the direct sum for maps that have few taps inside. */
export function usualTile({ h, w }: ConvolutionShape, tiles: readonly number[]): number {
  if (h <= 2 && w <= 2) return 0;
  return tiles.includes(4) && h > 2 && w > 2 ? 4 : tiles.includes(2) ? 2 : 0;
}
