/** Long work in the program's own thread, piece by piece: other events get their turn every few milliseconds. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';

const MILLISECONDS = 4;
/** Bytes of a piece: far less than that takes, unless their memory is new. */
export const PIECE_BYTES = 1 << 18;

export class Turns {
  #began = performance.now();

  /** Between two pieces. */
  async next(): Promise<void> {
    if (performance.now() - this.#began < MILLISECONDS) return;
    await yieldToEvents();
    this.#began = performance.now();
  }
}
