/** A stream's batches for the engine: while a step runs, the next batch is fetched and enters the engine's memory. */
import type { Examples } from '../data/dataset.js';
import { SteepestError } from '../errors.js';
import type { Network } from './network.js';
import { countUp } from './order.js';
import type { Storages } from './program.js';
import { type Kinds, register } from './registered.js';
import type { Scope } from './scope.js';

/** A batch in the engine's memory, with the indices 0, 1, ... of its rows. */
export interface StreamBatch {
  readonly rows: number;
  readonly kinds: Kinds;
  readonly storages: Storages;
  dispose(): void;
}

export class Feed {
  readonly #network: Network;
  readonly #scope: Scope;
  readonly #source: AsyncGenerator<Examples>;
  #next: Promise<StreamBatch | undefined>;

  /** `skip`: the first batches so many are fetched and left out. */
  constructor(network: Network, scope: Scope, source: AsyncGenerator<Examples>, skip = 0) {
    this.#network = network;
    this.#scope = scope;
    this.#source = source;
    this.#next = this.#skip(skip).then(() => this.#fetch());
    this.#next.catch(() => {}); // seen when it is awaited
  }

  /** The next batch, which is the caller's to dispose of; undefined at the end of the stream or of the run. */
  async next(): Promise<StreamBatch | undefined> {
    const batch = await this.#scope.unlessEnding(this.#next);
    if (batch === undefined || this.#scope.ending) return undefined;
    this.#next = this.#fetch();
    this.#next.catch(() => {}); // seen when it is awaited
    return batch;
  }

  /** Ends the stream. Does not wait: after stop() a source that never answers must not hold the run. */
  close(): void {
    this.#source.return(undefined).catch(() => {});
    this.#next.then(
      (batch) => batch?.dispose(),
      () => {},
    );
  }

  async #skip(count: number): Promise<void> {
    for (let i = 0; i < count && !this.#scope.ending; i++)
      if ((await this.#source.next()).done)
        throw new SteepestError(
          'ERR_CHECKPOINT',
          `fit: the stream has ${i} batches, but the checkpoint was made after ${count} of this epoch`,
        );
  }

  async #fetch(): Promise<StreamBatch | undefined> {
    const answer = await this.#source.next();
    return answer.done || this.#scope.ending ? undefined : this.#enter(answer.value);
  }

  async #enter(examples: Examples): Promise<StreamBatch> {
    const { backend } = this.#network;
    const registered = await register(backend, examples);
    const { rows, kinds } = registered;
    try {
      const indices = backend.allocate('i32', rows, 'data');
      indices.write(countUp(rows));
      const dispose = () => {
        registered.dispose();
        indices.dispose();
      };
      return { rows, kinds, storages: { ...registered.storages, indices }, dispose };
    } catch (error) {
      registered.dispose();
      throw error;
    }
  }
}
