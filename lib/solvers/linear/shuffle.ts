/**
 * Shuffles groups of `size` neighbours among the first `count` of `order`. Its draws are xorshift's (Marsaglia 2003: 13, 17, 5), begun anew
 * each time by a word of Philox: a word of Philox for each swap would take half as long as the pass of coordinate descent it is for.
 */
export function shuffle(order: Int32Array, count: number, size: number, word: number): void {
  const first = word % size;
  let state = word | 1;
  for (let g = Math.floor((count - first) / size) - 1; g > 0; g--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = Math.floor(((state >>> 0) / 2 ** 32) * (g + 1));
    for (let i = first + g * size, j = first + other * size, end = i + size; i < end; i++, j++) {
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
  }
}
