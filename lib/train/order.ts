/** The order in which an epoch takes the rows. Made piece by piece, so that a million rows do not hold the event loop. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { RandomStream } from '../random.js';

/** Rows ordered at a time: about a millisecond. */
const SLICE = 8192;

/** The numbers 0 .. rows - 1 in random order: those of `permutation` (random.ts), which is Fisher and Yates's shuffle from the end. */
export async function shuffledRows(rows: number, seed: number, stream: number, step: number): Promise<Int32Array> {
  const random = new RandomStream(seed, stream, step);
  const order = countUp(rows);
  for (let i = rows - 1; i > 0; i--) {
    if ((rows - i) % SLICE === 0) await yieldToEvents();
    const j = random.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

/** 0, 1, ..., rows - 1: the rows in their own order. */
export function countUp(rows: number): Int32Array {
  const order = new Int32Array(rows);
  for (let i = 0; i < rows; i++) order[i] = i;
  return order;
}
