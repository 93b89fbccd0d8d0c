/**
 * Which algorithm is fastest for a convolution on this machine: each is run and timed, the first time that a shape is met, and the choice
 * is kept (tuning-cache.ts).
 *
 * A choice belongs to the sizes and the direction alone, never to the number of images or threads, so that results do not depend on these:
 * it is timed as for a batch of 64 images. With Winograd's algorithm goes the transform of its filter, paid once a batch.
 */
import type { Backend, ConvolutionShape } from './backend.js';
import { type KernelName, kernelSpecs } from './kernels.js';
import type { TuningCache } from './tuning-cache.js';

const KERNELS = {
  forward: 'conv2d_forward',
  input: 'conv2d_backward_input',
  filter: 'conv2d_backward_filter',
} as const satisfies Record<ConvolutionShape['direction'], KernelName>;

/** Inputs that cost the same whatever the algorithm. */
const ENDINGS: readonly string[] = ['factor', 'bias', 'addend', 'mask'];

/** The batch that is meant, and the floating-point operations of a run: as many of its images are timed. A sum over images needs more to get going. */
const IMAGES = 64;
const WORK = { forward: 1.25e9, input: 1.25e9, filter: 2.5e9 } as const;
/** A candidate is tried on a part of the images first, and left out where it takes so many times as long as the best. */
const PART = 4;
const HOPELESS = 1.5;
/** The usual tile stays unless another takes less than this part of its time: a near tie must not be decided by noise. */
const GAIN = 0.9;
/** Turns at most that it stays ahead in. */
const TURNS = 6;

export interface Tuning {
  readonly run: Backend['runKernel'];
  readonly cache: Pick<TuningCache, 'get' | 'set'>;
  /** Milliseconds. Default: performance.now. */
  readonly now?: () => number;
}

/** One of `tiles`: the one kept for this shape, or else the fastest. `usual` is the choice by sizes alone. */
export function tunedTile(shape: ConvolutionShape, tiles: readonly number[], usual: number, tuning: Tuning): number {
  if (tiles.length === 1) return usual;
  const name = `${Object.entries(shape).map(([key, value]) => `${key} ${value}`)} of ${tiles}`;
  const kept = tuning.cache.get(name);
  if (kept !== undefined && tiles.includes(kept)) return kept;
  const tile = fastestTile(shape, tiles, usual, tuning);
  tuning.cache.set(name, tile);
  return tile;
}

/** Another tile takes the usual one's place only where it stays ahead, turn by turn: the shortest time of each counts. */
function fastestTile(shape: ConvolutionShape, tiles: readonly number[], usual: number, tuning: Tuning): number {
  const { direction, ...sizes } = shape;
  const flops = kernelSpecs[KERNELS[direction]].flops({ ...sizes, n: 1 });
  const images = Math.max(1, Math.min(IMAGES, Math.floor(WORK[direction] / flops)));
  const part = Math.ceil(images / PART);
  const time = timer(shape, tiles, images, tuning);
  const least = new Map<number, number>();
  const sample = (tile: number) => least.set(tile, Math.min(least.get(tile) ?? Infinity, time(tile, images)));
  const hopeful = (tile: number) => time(tile, part) < HOPELESS * Math.min(...least.values());
  const best = () => {
    const [tile, ms] = [...least].reduce((a, b) => (b[1] < a[1] ? b : a));
    return ms < GAIN * least.get(usual)! ? tile : usual;
  };
  time(usual, part); // the first run of all finds nothing warm
  sample(usual);
  for (const tile of tiles) if (tile !== usual && (hopeful(tile) || hopeful(tile))) sample(tile);
  for (let turn = 0; turn < TURNS && best() !== usual; turn++) for (const tile of [usual, best()]) sample(tile);
  return best();
}

/** Milliseconds of a batch of IMAGES with a tile, from a run with fewer. */
function timer({ direction, ...sizes }: ConvolutionShape, tiles: readonly number[], images: number, tuning: Tuning) {
  const { run, now = () => performance.now() } = tuning;
  const kernel = KERNELS[direction];
  const { buffers, ints } = kernelSpecs[kernel];
  const lengths = buffers.map(({ length }) => Math.max(...tiles.map((tile) => length({ ...sizes, n: images, tile }))));
  const memory = borrow(4 * lengths.reduce((sum, length) => sum + length));
  let offset = 0;
  const arrays = buffers.map(({ name, type, role }, i) => {
    if (ENDINGS.includes(name) || (name === 'argmax' && sizes.pool === 0)) return undefined;
    const array = new (type === 'u16' ? Uint16Array : Float32Array)(memory, offset, lengths[i]!);
    offset += 4 * lengths[i]!;
    return role === 'in' && name !== 'u' ? array.fill(type === 'u16' ? 0 : 0.5) : array;
  });
  const [filter, u] = ['filter', 'u'].map((name) => buffers.findIndex((buffer) => buffer.name === name));
  const [depth, columns, turned] = direction === 'input' ? [sizes.k, sizes.c, 1] : [sizes.c, sizes.k, 0];
  return (tile: number, n: number) => {
    const values: Record<string, number> = { ...sizes, n, relu: 0, tile };
    const given = arrays.map((array, i) => (i === u && tile === 0 ? undefined : array));
    const numbers = ints.map((name) => values[name]!);
    const began = now();
    if (tile > 0 && direction !== 'filter')
      run('winograd_filter_forward', [arrays[filter!], arrays[u!]], [depth, columns, sizes.r, tile, turned], []);
    const transformed = now();
    run(kernel, given, numbers, []);
    return transformed - began + ((now() - transformed) * IMAGES) / n;
  };
}

let lent = new WeakRef(new ArrayBuffer(0));

/** Memory for one shape after another while a plan is compiled: touching it anew for each would take longer than timing. */
function borrow(bytes: number): ArrayBuffer {
  let memory = lent.deref();
  if (memory === undefined || memory.byteLength < bytes) {
    memory = new ArrayBuffer(Math.max(bytes, 2 ** 26));
    lent = new WeakRef(memory);
  }
  return memory;
}
