/**
 * Which algorithm is fastest for a convolution on this machine: each is run and timed, the first time that a shape is met, and the choice
 * is kept (tuning-cache.ts).
 *
 * A choice belongs to the sizes and the direction alone, never to the number of images or threads, so that results do not depend on these:
 * it is timed as for a batch of 64 images. With Winograd's algorithm goes the transform of its filter, paid once a batch.
 */
import type { ConvolutionShape } from './backend.js';
import { type ConvolutionTimer, floatsOf, flopsOf, type TimedShape } from './convolution-timer.js';
import type { TuningCache } from './tuning-cache.js';

/** The batch that is meant, and the floating-point operations of a run: as many of its images are timed. A sum over images needs more to get going. */
const IMAGES = 64;
const WORK = { forward: 1.25e9, input: 1.25e9, filter: 2.5e9 } as const;
/** A run should take no longer (ms): where it would, it has fewer images, a quarter at least. */
const LONGEST = 6;
/** Images that take so many times a run's work are not timed, nor what takes more floats. */
const LARGEST = 4;
const MOST_FLOATS = 2 ** 26;
/** A candidate is tried on a part of the images first, and left out where it takes so many times as long as the best. */
const PART = 4;
const HOPELESS = 1.5;
/** The usual tile stays unless another takes less than this part of its time: a near tie must not be decided by noise. */
const GAIN = 0.9;
/** Turns at most that it stays ahead in. */
const TURNS = 3;
/** Milliseconds from being asked: no shape's turn begins after the first, none goes on after the second. */
const BUDGET = 400;
const LIMIT = 1500;

/** A convolution, the tiles there are for it, and the choice by sizes alone. */
export interface Choice {
  readonly shape: ConvolutionShape;
  readonly tiles: readonly number[];
  readonly usual: number;
}

export interface Tuning {
  readonly cache: Pick<TuningCache, 'get' | 'set'>;
  readonly open: (shapes: readonly TimedShape[]) => Promise<Pick<ConvolutionTimer, 'time' | 'dispose'>>;
  /** Ends the timing early. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Default: performance.now. */
  readonly now?: () => number;
}

/** The tile kept for this shape; undefined where none is. */
export function keptTile({ shape, tiles, usual }: Choice, cache: Pick<TuningCache, 'get'>): number | undefined {
  if (tiles.length === 1) return usual;
  const kept = cache.get(nameOf(shape, tiles));
  return kept !== undefined && tiles.includes(kept) ? kept : undefined;
}

function nameOf(shape: ConvolutionShape, tiles: readonly number[]): string {
  return `${Object.entries(shape).map(([key, value]) => `${key} ${value}`)} of ${tiles}`;
}

/** One tuning at a time: those asked for meanwhile wait, and may find what they wanted kept. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Finds and keeps the fastest tiles for those of `choices` that none is kept for; those with the most work first, as far as half a second
 * goes. Resolves to whether some are kept now.
 */
export async function tune(choices: readonly Choice[], tuning: Tuning): Promise<boolean> {
  const { cache, signal, now = () => performance.now() } = tuning;
  const began = now();
  const missing = () => byWork(choices.filter((choice) => keptTile(choice, cache) === undefined));
  const before = missing();
  if (before.length === 0) return false;
  const mine = last.then(async () => {
    const left = missing();
    const late = (limit: number) => signal?.aborted === true || now() - began >= limit;
    if (left.length === 0 || late(BUDGET)) return;
    const timer = await tuning.open(left.map(timed));
    try {
      for (const choice of left) {
        if (late(BUDGET)) break;
        const tile = await fastestTile(choice, timer, () => late(LIMIT));
        if (tile !== undefined) cache.set(nameOf(choice.shape, choice.tiles), tile);
      }
    } finally {
      timer.dispose();
    }
  });
  last = mine.catch(() => {});
  await mine;
  return before.some((choice) => keptTile(choice, cache) !== undefined);
}

/** Each once, without those too large; first those with the most work in all their calls. */
function byWork(choices: readonly Choice[]): Choice[] {
  const work = new Map<string, { choice: Choice; flops: number }>();
  for (const choice of choices) {
    const name = nameOf(choice.shape, choice.tiles);
    const flops = flopsOf(choice.shape);
    if (flops > LARGEST * WORK[choice.shape.direction] || floatsOf(timed(choice)) > MOST_FLOATS) continue;
    work.set(name, { choice, flops: flops + (work.get(name)?.flops ?? 0) });
  }
  return [...work.values()].sort((a, b) => b.flops - a.flops).map(({ choice }) => choice);
}

function timed({ shape, tiles }: Choice): TimedShape {
  const images = Math.max(1, Math.min(IMAGES, Math.floor(WORK[shape.direction] / flopsOf(shape))));
  return { shape, tiles, images };
}

/**
 * Another tile takes the usual one's place only where it stays ahead, turn by turn: the shortest time of each counts. Undefined where
 * `ended` turns true before.
 */
async function fastestTile(
  choice: Choice,
  timer: Pick<ConvolutionTimer, 'time'>,
  ended: () => boolean,
): Promise<number | undefined> {
  const { tiles, usual } = choice;
  const most = timed(choice);
  /** Milliseconds of a batch of IMAGES, from a run with fewer. */
  const time = async (tile: number, n: number) => {
    if (ended()) return Infinity;
    const { transform, convolution } = await timer.time(most, tile, n);
    return transform + (convolution * IMAGES) / n;
  };
  const least = new Map<number, number>();
  const few = Math.ceil(most.images / PART);
  await time(usual, few); // the first run of all finds nothing warm
  const wanted = Math.floor((LONGEST * IMAGES) / (await time(usual, few)));
  const images = Math.max(few, Math.min(most.images, wanted));
  const part = Math.ceil(images / PART);
  const sample = async (tile: number) =>
    least.set(tile, Math.min(least.get(tile) ?? Infinity, await time(tile, images)));
  const hopeful = async (tile: number) => (await time(tile, part)) < HOPELESS * Math.min(...least.values());
  const best = () => {
    const [tile, ms] = [...least].reduce((a, b) => (b[1] < a[1] ? b : a));
    return ms < GAIN * least.get(usual)! ? tile : usual;
  };
  await sample(usual);
  for (const tile of tiles) if (tile !== usual && ((await hopeful(tile)) || (await hopeful(tile)))) await sample(tile);
  for (let turn = 0; turn < TURNS && best() !== usual; turn++) for (const tile of [usual, best()]) await sample(tile);
  return ended() ? undefined : best();
}
