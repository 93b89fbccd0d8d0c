/**
 * A run under way: what `fit` and `minimize` return. It can be awaited (it is a promise of its result), iterated (an item for each epoch, batch or
 * iteration, from the first one on, whenever the iteration begins), paused, stopped, and asked how far it is.
 */

/**
 * 'running'; 'paused': at rest by pause(). Ended: 'stopped' by stop(); 'done' by itself; 'failed': it rejects, with an error or the reason of
 * its signal.
 */
export type RunState = 'running' | 'paused' | 'stopped' | 'done' | 'failed';

/** What the work inside a run sees of it. */
export interface RunControl<Item, Figures> {
  /** stop() was called: end soon, and well. */
  readonly stopping: boolean;
  /** Ends the run as its stop() does. */
  stop(): void;
  /** pause() was called: come to rest() soon. */
  readonly pausing: boolean;
  /** Calls `hear` at stop() and at pause(), until the returned function is called. At once where stop() came before. */
  onInterrupt(hear: () => void): () => void;
  /** Where the work may rest: waits while the run is paused, until resume(), stop() or `signal`. */
  rest(signal: AbortSignal): Promise<void>;
  /** Adds an item for those who iterate. */
  push(item: Item): void;
  /** Replaces what `status` tells. */
  tell(figures: Figures): void;
}

/** Items of batches that are kept for an iteration that lags behind; beyond that the oldest go. Items of epochs are never lost. */
const KEPT_BATCHES = 65_536;

/** Those who wait for something to happen. */
class Waiting {
  #wake: (() => void)[] = [];

  until(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  wake(): void {
    const all = this.#wake;
    this.#wake = [];
    for (const wake of all) wake();
  }
}

export class Run<Item extends { readonly kind: string }, Result, Figures extends object = object>
  implements PromiseLike<Result>, AsyncIterable<Item>
{
  readonly #promise: Promise<Result>;
  /** Items and their numbers in the order of their making (with gaps, where old ones were dropped). */
  #items: Item[] = [];
  #numbers: number[] = [];
  #count = 0;
  #state: RunState = 'running';
  #figures: Figures;
  #stopping = false;
  #pausing = false;
  readonly #interrupts = new Set<() => void>();
  /** Those who wait for an item, for the run to rest, and for the rest to end. */
  readonly #forItem = new Waiting();
  readonly #forRest = new Waiting();
  readonly #forWork = new Waiting();

  /** Begins `work` at once. Not part of the public API: `fit` and `minimize` make runs. */
  constructor(figures: Figures, work: (control: RunControl<Item, Figures>) => Promise<Result>) {
    this.#figures = figures;
    this.#promise = work(this.#control()).then(
      (result) => {
        this.#end(this.#stopping ? 'stopped' : 'done');
        return result;
      },
      (error) => {
        this.#end('failed');
        throw error;
      },
    );
  }

  #control(): RunControl<Item, Figures> {
    const run = this;
    return {
      get stopping() {
        return run.#stopping;
      },
      stop: () => run.stop(),
      get pausing() {
        return run.#pausing;
      },
      onInterrupt(hear) {
        if (run.#stopping) hear();
        run.#interrupts.add(hear);
        return () => run.#interrupts.delete(hear);
      },
      rest: (signal) => run.#rest(signal),
      push(item) {
        run.#items.push(item);
        run.#numbers.push(run.#count++);
        run.#trim();
        run.#forItem.wake();
      },
      tell(figures) {
        run.#figures = figures;
      },
    };
  }

  #end(state: RunState): void {
    this.#state = state;
    for (const waiting of [this.#forItem, this.#forRest, this.#forWork]) waiting.wake();
  }

  get #ended(): boolean {
    return this.#state !== 'running' && this.#state !== 'paused';
  }

  /** How the run stands, and how far it is: the latest figures. */
  get status(): { readonly state: RunState } & Figures {
    return { state: this.#state, ...this.#figures };
  }

  // ---- pause, resume, stop ----

  /**
   * Has the run rest after the step it is in, until resume(): the model may then be evaluated and asked, and its weights read, as between two
   * epochs. Resolves as soon as it rests (or has ended, or was resumed before that). Results do not depend on it. Called again it changes nothing.
   */
  pause(): Promise<void> {
    if (this.#ended || this.#stopping || this.#state === 'paused') return Promise.resolve();
    this.#pausing = true;
    this.#interrupt();
    return this.#forRest.until();
  }

  /** Goes on after pause(), unless that is called again at once. Does nothing where the run is not paused. */
  resume(): void {
    this.#pausing = false;
    if (this.#state === 'paused') this.#state = 'running';
    this.#forRest.wake();
    this.#forWork.wake();
  }

  /** Ends the run after the step it is in, paused or not. It then resolves, with what was done. Calling it again, or later, does nothing. */
  stop(): void {
    if (this.#stopping || this.#ended) return;
    this.#stopping = true;
    this.#interrupt();
    this.resume();
  }

  #interrupt(): void {
    for (const hear of [...this.#interrupts]) hear();
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const wake = () => this.#forWork.wake();
    signal.addEventListener('abort', wake, { once: true });
    while (this.#pausing && !signal.aborted) {
      this.#state = 'paused';
      this.#forRest.wake();
      await this.#forWork.until();
    }
    signal.removeEventListener('abort', wake);
    if (this.#state === 'paused') this.#state = 'running';
  }

  // ---- a promise ----

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

  // ---- an iterable ----

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
        } else if (this.#ended) break;
        else await this.#forItem.until();
      }
    } finally {
      this.stop();
    }
    await this.#promise;
    return undefined;
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
