/** The sizes of windows that slide over an image (lecture notes 1.3.2, equation 3). Used by shape rules, bounds and kernels alike. */

/**
 * Output size of a window of `filter` moved by `stride` over `size` values with `padding` zeros at each end:
 * floor((size + 2 padding - filter) / stride) + 1. NaN where no window fits or an argument makes no sense.
 */
export function out(size: number, filter: number, stride: number, padding: number): number {
  if (!(filter >= 1 && stride >= 1 && padding >= 0 && size + 2 * padding >= filter)) return Number.NaN;
  return Math.floor((size + 2 * padding - filter) / stride) + 1;
}

/**
 * The most zeros at each edge that a convolution of images h x w takes: 128, or the shorter side of larger images. More only adds outputs that see
 * nothing, and memory without bounds.
 */
export function paddable(h: number, w: number): number {
  return Math.max(128, Math.min(h, w));
}

/** Output size of the max pooling that a convolution may end with; `pool` 0 means none. */
export function pooled(size: number, pool: number, stride: number): number {
  return pool === 0 ? size : out(size, pool, stride, 0);
}

/** Points of Winograd's minimal filtering for tile x tile outputs of a filter r x r: (tile + r - 1)^2; none for tile 0; NaN where r is 0 or they are too many. */
export function points(tile: number, r: number): number {
  if (tile === 0) return 0;
  const all = (tile + r - 1) ** 2;
  return r >= 1 && Number.isSafeInteger(all) ? all : Number.NaN;
}

/** Squares of 4 x 4 pixels, cut at the edges, of `rows` pixels of images h x w; none where h or w is 0, NaN where rows are no whole images. */
export function squares(rows: number, h: number, w: number): number {
  if (h * w === 0) return 0;
  return rows % (h * w) === 0 ? (rows / (h * w)) * Math.ceil(h / 4) * Math.ceil(w / 4) : Number.NaN;
}

/** Columns filled up to panels of 32. */
export function panelled(columns: number): number {
  return Math.ceil(columns / 32) * 32;
}
