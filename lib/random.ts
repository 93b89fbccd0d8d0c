/**
 * Random numbers that depend on their place alone: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011). Ten rounds of
 *
 *   (c0, c1, c2, c3) <- (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0));  (k0, k1) <- (k0 + W0, k1 + W1)
 *
 * turn a counter and a key into four words of 32 bits. The counter is [block (64 bits), stream, step] and the key is the seed, so
 * number `index` of a stream can be had by any thread, in any order, on any backend, and is the same bits everywhere.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const TWO_32 = 2 ** 32;

/** The upper 32 bits of the product of two numbers of 32 bits, from four products of 16-bit halves; every sum stays below 2^32. */
function highProduct(a: number, b: number): number {
  const a1 = a >>> 16;
  const a0 = a & 0xffff;
  const b1 = b >>> 16;
  const b0 = b & 0xffff;
  const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
  const other = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
  return ((Math.imul(a1, b1) >>> 0) + (middle >>> 16) + (other >>> 16)) >>> 0;
}

function rounds(
  counter0: number,
  counter1: number,
  stream: number,
  step: number,
  key0: number,
  key1: number,
  words: Uint32Array,
) {
  let c0 = counter0 >>> 0;
  let c1 = counter1 >>> 0;
  let c2 = stream >>> 0;
  let c3 = step >>> 0;
  let k0 = key0 >>> 0;
  let k1 = key1 >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = highProduct(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** Philox 4x32-10 of a counter (4 words) under a key (2 words). Words are taken modulo 2^32. */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>): Uint32Array {
  const words = new Uint32Array(4);
  rounds(counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!, words);
  return words;
}

/**
 * Puts the four words of block `block` (0 .. 2^53 - 1) of a stream into `words`. `seed`: a whole number in 0 .. 2^53 - 1; `stream` and
 * `step`: whole numbers, of which the lower 32 bits count.
 */
function drawBlock(words: Uint32Array, seed: number, stream: number, step: number, block: number): Uint32Array {
  rounds(block, Math.floor(block / TWO_32), stream, step, seed, Math.floor(seed / TWO_32), words);
  return words;
}

/** Number `index` of a stream, uniform on [0, 1): a multiple of 2^-24, so float32 holds it exactly. */
export function uniform(seed: number, stream: number, step: number, index: number): number {
  const words = drawBlock(new Uint32Array(4), seed, stream, step, Math.floor(index / 4));
  return (words[index % 4]! >>> 8) * 2 ** -24;
}

/** Fills `target` with the numbers first, first + 1, ... of a stream, uniform on [0, 1): those of `uniform`, a block at a time. */
export function fillUniform<T extends Float32Array | Float64Array>(
  target: T,
  seed: number,
  stream: number,
  step: number,
  first = 0,
): T {
  const words = new Uint32Array(4);
  for (let i = 0; i < target.length; i++) {
    const index = first + i;
    if (i === 0 || index % 4 === 0) drawBlock(words, seed, stream, step, Math.floor(index / 4));
    target[i] = (words[index % 4]! >>> 8) * 2 ** -24;
  }
  return target;
}

/**
 * Number `index` of a stream, normal with mean 0 and deviation 1 (Box and Muller 1958): sqrt(-2 ln u) cos(2 pi v), and the sine for
 * odd indices. Four numbers share a block; u, v have 32 bits and u > 0.
 */
export function normal(seed: number, stream: number, step: number, index: number): number {
  const words = drawBlock(new Uint32Array(4), seed, stream, step, Math.floor(index / 4));
  const pair = index % 4 < 2 ? 0 : 2;
  const radius = Math.sqrt(-2 * Math.log((words[pair]! + 1) / TWO_32));
  const angle = (2 * Math.PI * words[pair + 1]!) / TWO_32;
  return index % 2 === 0 ? radius * Math.cos(angle) : radius * Math.sin(angle);
}

/** A stream read from its start, number after number: for code that draws as it goes (shuffles, augmentation, data generators). */
export class RandomStream {
  readonly #words = new Uint32Array(4);
  #next = 0;

  /** `seed`: a whole number in 0 .. 2^53 - 1; `stream` and `step`: whole numbers of 32 bits. */
  constructor(
    readonly seed: number,
    readonly stream: number,
    readonly step = 0,
  ) {}

  /** The next word: a whole number in 0 .. 2^32 - 1. */
  word(): number {
    const lane = this.#next % 4;
    if (lane === 0) drawBlock(this.#words, this.seed, this.stream, this.step, Math.floor(this.#next / 4));
    this.#next++;
    return this.#words[lane]!;
  }

  /** A number in [min, max), [0, 1) by default. */
  uniform(min = 0, max = 1): number {
    return min + (max - min) * (this.word() / TWO_32);
  }

  /** A whole number in 0 .. count - 1, each equally likely (words beyond the last multiple of `count` are drawn again). */
  below(count: number): number {
    const limit = TWO_32 - (TWO_32 % count);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % count;
  }

  /** A normal number with this mean and deviation (Box-Muller, two words each). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log((this.word() + 1) / TWO_32));
    return mean + deviation * radius * Math.cos((2 * Math.PI * this.word()) / TWO_32);
  }
}

/** The numbers 0 .. n - 1 in random order (Fisher-Yates, from the end), every order equally likely. n < 2^31. */
export function permutation(n: number, seed: number, stream: number, step: number): Int32Array {
  const random = new RandomStream(seed, stream, step);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
