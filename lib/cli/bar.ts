/** A progress bar on a terminal; elsewhere nothing. */
import { SingleBar } from 'cli-progress';
import type { Io } from './io.js';

export class Bar {
  #bar: SingleBar | undefined;
  constructor(private readonly io: Pick<Io, 'terminal'>) {}

  /** Draws `value` of `total`; `format` is that of the first call since close(). */
  draw(format: string, value: number, total: number, values: object = {}): void {
    if (!this.io.terminal) return;
    if (this.#bar === undefined) {
      this.#bar = new SingleBar({
        format,
        barsize: 30,
        hideCursor: true,
        clearOnComplete: true,
        stream: process.stderr,
      });
      this.#bar.start(total, 0, values);
    }
    this.#bar.setTotal(total);
    this.#bar.update(value, values);
  }

  /** Takes it away. */
  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
