/**
 * Long computations in pieces. A solver is a generator that yields after each short piece of its work (some 0.1 ms to 1 ms), sometimes with a word
 * on how far it is; whoever drives it may let the event loop have a turn there, or end it.
 */
import { setImmediate } from 'node:timers/promises';

/** How far a fit is. */
export interface LinearProgress {
  /** Iterations so far: of Newton's method, or passes of coordinate descent; over all classes where each is a problem of its own. */
  readonly iterations: number;
  /** Value of the objective (of the class that is being fitted). */
  readonly objective: number;
  /** Upper bound of its distance from the least value, relative to it. */
  readonly gap: number;
  /** Class that is being fitted, from 0, and how many there are; 0 of 1 where all are one problem. */
  readonly problem: number;
  readonly problems: number;
}

/**
 * Blocks of some 4,000 entries between two yields: blocks are short so that the engine compiles their loops as whole functions; a yield
 * goes through all generators round it, and costs a few of them.
 */
export const PAUSE = 16;

/** Entries of a block. */
export const BLOCK = 1 << 12;

export type Work<T> = Generator<LinearProgress | undefined, T, void>;

/** Does `part` for the rows of each block, one after the other; `blocks` has their first rows, and the number of rows. */
export function* inBlocks(blocks: Int32Array, part: (begin: number, end: number) => void, pause = PAUSE): Work<void> {
  for (let b = 1; b < blocks.length; b++) {
    part(blocks[b - 1]!, blocks[b]!);
    if (b % pause === 0) yield;
  }
}

/** Milliseconds of work between two turns of the event loop. */
const SLICE = 5;

/** Does the work, with a turn for the event loop every few milliseconds. Rejects with the signal's reason once that is aborted. */
export async function drive<T>(
  work: Work<T>,
  signal?: AbortSignal,
  onProgress?: (progress: LinearProgress) => void,
): Promise<T> {
  signal?.throwIfAborted();
  let restAt = performance.now() + SLICE;
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value;
    if (step.value !== undefined) onProgress?.(step.value);
    if (performance.now() < restAt) continue;
    await setImmediate();
    signal?.throwIfAborted();
    restAt = performance.now() + SLICE;
  }
}
