/**
 * A run under way: what `fit` returns. It can be awaited (it is a promise of its result), iterated (an item for each epoch or batch, from
 * the first one on, whenever the iteration begins) and stopped.
 */

/** What the work inside a run sees of it. */
export interface RunControl<Item> {
  /** stop() was called: end soon, and well. */
  readonly stopping: boolean;
  /** Calls `stop` when the run is to stop, until the returned function is called. At once if that was before. */
  onStop(stop: () => void): () => void;
  /** Adds an item for those who iterate. */
  push(item: Item): void;
}

/** Items of batches that are kept for an iteration that lags behind; beyond that the oldest go. Items of epochs are never lost. */
const KEPT_BATCHES = 65_536;

export class Run<Item extends { readonly kind: string }, Result> implements PromiseLike<Result>, AsyncIterable<Item> {
  readonly #promise: Promise<Result>;
  /** Items and their numbers in the order of their making (with gaps, where old ones were dropped). */
  #items: Item[] = [];
  #numbers: number[] = [];
  #count = 0;
  #settled = false;
  #stopping = false;
  readonly #stops = new Set<() => void>();
  #waiting: (() => void)[] = [];

  /** Begins `work` at once. Not part of the public API: `fit` makes runs. */
  constructor(work: (control: RunControl<Item>) => Promise<Result>) {
    const run = this;
    const control: RunControl<Item> = {
      get stopping() {
        return run.#stopping;
      },
      onStop(stop) {
        if (run.#stopping) stop();
        else run.#stops.add(stop);
        return () => run.#stops.delete(stop);
      },
      push(item) {
        run.#items.push(item);
        run.#numbers.push(run.#count++);
        run.#trim();
        run.#wake();
      },
    };
    this.#promise = work(control).finally(() => {
      this.#settled = true;
      this.#wake();
    });
  }

  /** Ends the run after the step it is in. It then resolves, with what was done. Calling it again, or later, does nothing. */
  stop(): void {
    this.#stopping = true;
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is a promise of its result
  then<A = Result, B = never>(
    onfulfilled?: ((value: Result) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#promise.then(onfulfilled, onrejected);
  }

  catch<B = never>(onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Result | B> {
    return this.#promise.catch(onrejected);
  }

  finally(onfinally?: (() => void) | null): Promise<Result> {
    return this.#promise.finally(onfinally);
  }

  /**
   * All items from the first on; ends with the run, and throws its error. Leaving the loop early (break, return, throw) stops the run,
   * which can then still be awaited.
   */
  [Symbol.asyncIterator](): AsyncIterator<Item, undefined> {
    // Whoever iterates sees the error there, so it is no unhandled rejection here.
    this.#promise.catch(() => {});
    return this.#iterate();
  }

  async *#iterate(): AsyncGenerator<Item, undefined> {
    let next = 0;
    try {
      for (;;) {
        const at = this.#find(next);
        if (at < this.#items.length) {
          next = this.#numbers[at]! + 1;
          yield this.#items[at]!;
        } else if (this.#settled) break;
        else await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      if (!this.#settled) this.stop();
    }
    await this.#promise;
    return undefined;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Place of the first item whose number is at least `number`, by halving. */
  #find(number: number): number {
    let [low, high] = [0, this.#numbers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops the batches of the older half once there are too many items. */
  #trim(): void {
    if (this.#items.length < 2 * KEPT_BATCHES) return;
    const keep = this.#items.map((item, i) => i >= KEPT_BATCHES || item.kind !== 'batch');
    this.#items = this.#items.filter((_, i) => keep[i]);
    this.#numbers = this.#numbers.filter((_, i) => keep[i]);
  }
}
