/** The rivals' processes: each rival has one of its own, so that one that fails takes no other with it. */
import { Worker } from './worker.js';

export class Crew {
  readonly #workers = new Map<string, Worker>();
  readonly #keep: boolean;

  /** `keep`: processes go on to the next comparison (starting one, with a GPU, takes seconds). */
  constructor(keep: boolean) {
    this.#keep = keep;
  }

  /** The process of a rival, started where there is none. */
  worker(name: string, command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Worker {
    let worker = this.#workers.get(name);
    if (worker === undefined) {
      worker = new Worker(name, command, args, env);
      this.#workers.set(name, worker);
    }
    return worker;
  }

  /** Ends the processes after a comparison that ended well; where they are kept, those of `failed` rivals only. */
  rest(failed: readonly string[]): void {
    for (const name of this.#keep ? failed : [...this.#workers.keys()]) {
      this.#workers.get(name)?.close();
      this.#workers.delete(name);
    }
  }

  close(): void {
    for (const worker of this.#workers.values()) worker.close();
    this.#workers.clear();
  }
}
