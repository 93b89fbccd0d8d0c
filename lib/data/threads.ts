/**
 * Threads for jobs (jobs.ts), shared by all of the program. Memory is handed over to a thread and back, not copied, so there is nothing to lock.
 * A thread starts when there is work for it, does not keep the process alive without any, and ends when it had none for some seconds.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { checkInteger, SteepestError } from '../errors.js';
import { type Job, runJob } from './jobs.js';
import type { Answer } from './worker.js';

/** The same file from lib/ (tests), where only dist/ has it as JavaScript. */
const FILE = join(__dirname, '../../dist/data/worker.js');
const MOST_THREADS = 64;
/** A thread without work ends after so many milliseconds: longer than what lies between two epochs. */
const IDLE_MILLISECONDS = 5000;

/** Checks the option `workers`. `usual`: its default, where the machine has so many cores. */
export function checkWorkers(where: string, workers: number | undefined, usual: number): number {
  return checkInteger(where, 'workers', workers ?? Math.max(1, usual), 0, MOST_THREADS);
}

/** Cores of this machine, or fewer where the process may use only these. */
export const cores = availableParallelism();

interface Waiting {
  readonly resolve: (x: Awaited<ReturnType<typeof runJob>>) => void;
  readonly reject: (error: unknown) => void;
}

class Thread {
  readonly #worker = new Worker(FILE);
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(private readonly onEnd: (thread: Thread) => void) {
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#answer(answer));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('a thread of data ended')));
  }

  get load(): number {
    return this.#waiting.size;
  }

  run(job: Job): ReturnType<typeof runJob> {
    clearTimeout(this.#idle);
    const id = this.#next++;
    const transfer = 'paths' in job.images ? [] : [job.images.buffer as ArrayBuffer];
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ id, job }, transfer);
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
    });
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)!;
    this.#waiting.delete(answer.id);
    if ('x' in answer) waiting.resolve(answer.x);
    else waiting.reject(answer.code ? new SteepestError(answer.code, String(answer.error)) : answer.error);
    if (this.#waiting.size > 0) return;
    this.#worker.unref();
    this.#idle = setTimeout(() => this.#end(undefined), IDLE_MILLISECONDS).unref();
  }

  /** Nothing comes any more. */
  #end(error: unknown): void {
    clearTimeout(this.#idle);
    this.onEnd(this);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    void this.#worker.terminate();
  }
}

const threads = new Set<Thread>();

/** Does a job on one of `workers` threads, the one that has the least to do; on this one where there are to be none. */
export function run(job: Job, workers: number): ReturnType<typeof runJob> {
  if (workers === 0) return runJob(job);
  const some = [...threads].slice(0, workers);
  let best = some.reduce<Thread | undefined>((a, b) => (a === undefined || b.load < a.load ? b : a), undefined);
  if (best === undefined || (best.load > 0 && some.length < workers)) {
    best = new Thread((thread) => threads.delete(thread));
    threads.add(best);
  }
  return best.run(job);
}

/** How many threads there are. For tests. */
export const threadCount = (): number => threads.size;

/**
 * What `work` makes of each element, in their order. It runs ahead of who asks by at most `depth` elements: while these are worked on, or waited for,
 * later ones are on their way.
 */
export async function* ahead<T, U>(
  elements: AsyncIterable<T>,
  depth: number,
  work: (element: T, index: number) => Promise<U>,
): AsyncGenerator<U, void> {
  const iterator = elements[Symbol.asyncIterator]();
  const made: Promise<U>[] = [];
  let [index, ended] = [0, false];
  let filling: Promise<void> | undefined;
  const push = (result: Promise<U>) => {
    result.catch(() => {}); // seen when it is awaited
    made.push(result);
  };
  const fill = (): void => {
    if (ended || filling !== undefined || made.length >= depth) return;
    filling = iterator
      .next()
      .then(
        ({ done, value }) => {
          if (done) ended = true;
          else push(work(value, index++));
        },
        (error) => {
          ended = true;
          push(Promise.reject(error));
        },
      )
      .then(() => {
        filling = undefined;
        fill();
      });
  };
  try {
    for (;;) {
      fill();
      while (made.length === 0 && filling !== undefined) await filling;
      const first = made.shift();
      if (first === undefined) return;
      fill();
      yield await first;
    }
  } finally {
    ended = true;
    void iterator.return?.();
  }
}
