// Requests that come one by one are answered together: while a batch is computed the next ones gather, and a lone request waits `delay` at most.

/** Answers rows in batches, one batch at a time. `answer`: (rows of a batch, one after another) -> an answer for each. */
export class Batcher {
  #waiting = [];
  #timer;
  #busy = false;
  #between = [];
  #idle = [];

  /**
   * @param {(rows: Float32Array[]) => Promise<unknown[]>} answer
   * @param {{ rows?: number, delay?: number, waiting?: number }} limits rows of a batch; milliseconds; requests that may wait
   */
  constructor(answer, { rows = 64, delay = 2, waiting = 10_000 } = {}) {
    Object.assign(this, { answer, rows, delay, most: waiting });
  }

  /** Resolves to the answer for a row. Rejects with `code` 'BUSY' where too many wait. */
  ask(row) {
    if (this.#waiting.length >= this.most)
      return Promise.reject(Object.assign(new Error('too many requests wait'), { code: 'BUSY' }));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject });
      if (this.#waiting.length >= this.rows) this.#run();
      else this.#timer ??= setTimeout(() => this.#run(), this.delay);
    });
  }

  /** Does something that no batch may see half done: before the next one. */
  between(action) {
    this.#between.push(action);
    if (!this.#busy) this.#act();
  }

  /** Resolves once every request is answered. */
  drained() {
    if (!this.#busy && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #act() {
    for (const action of this.#between.splice(0)) action();
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.length > 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      const batch = this.#waiting.splice(0, this.rows);
      try {
        this.#act();
        const answers = await this.answer(batch.map(({ row }) => row));
        for (const [i, { resolve }] of batch.entries()) resolve(answers[i]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = false;
    this.#act();
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
