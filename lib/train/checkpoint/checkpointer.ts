/**
 * When a run is kept: after each epoch, every so many seconds or steps, at the end, and when somebody asks. What is kept is copied while the
 * run stands still between two steps; the file is written while it goes on.
 */
import { type Contents, type Where, writeCheckpoint } from './file.js';
import { CheckpointFolder } from './folder.js';
import type { CheckpointSettings } from './options.js';

/** The run as it stands now: only where its state is whole. */
export interface Source {
  readonly where: Where;
  /** Batches (of minimize: iterations) since it began. */
  readonly steps: number;
  contents(): Promise<Contents>;
  /** The contents are written, or given up: their memory may be used again. */
  done(contents: Contents): void;
  /** Hears of each file that is there. */
  written(path: string, milliseconds: number): void;
}

interface Request {
  readonly file: string | undefined;
  readonly resolve: (path: string | Promise<string>) => void;
  readonly reject: (error: unknown) => void;
}

export class Checkpointer {
  readonly #folder: CheckpointFolder | undefined;
  readonly #every: CheckpointSettings['checkpointEvery'];
  readonly #source: Source;
  #requests: Request[] = [];
  /** The state is whole for as long as this is set: a request need not wait. */
  #whole = false;
  #ended = false;
  /** Files that are being written; what went wrong with one that nobody asked for. */
  readonly #writing = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;
  #at = { time: performance.now(), steps: 0 };
  /** The latest epoch's end is not kept yet. */
  #behind = false;

  constructor(source: Source, { checkpoint, checkpointEvery }: CheckpointSettings) {
    this.#source = source;
    this.#folder = checkpoint === undefined ? undefined : new CheckpointFolder(source.where, checkpoint);
    this.#every = checkpointEvery;
  }

  /** Makes the folder ready for a run that begins after so many steps; undefined: anew. Throws as CheckpointFolder.begin does. */
  async open(steps: number | undefined): Promise<void> {
    await this.#folder?.begin(steps);
  }

  /** A run begins, or goes on, after so many steps. */
  begin(): void {
    this.#at = { time: performance.now(), steps: this.#source.steps };
  }

  /** Steps that may be done until the next checkpoint is due. */
  get stepsLeft(): number {
    const { steps } = this.#every;
    if (this.#folder === undefined || steps === undefined) return Number.POSITIVE_INFINITY;
    return steps - (this.#source.steps % steps);
  }

  /** Steps were done that no checkpoint of the folder has. */
  get unkept(): boolean {
    return this.#source.steps !== this.#at.steps;
  }

  /** Between two steps: keeps the fit where that is due or was asked for. Rejects where the last file could not be written. */
  async between(): Promise<void> {
    await this.#serve();
    if (this.#due()) await this.#keep();
  }

  /** After an epoch. */
  async epochEnded(): Promise<void> {
    await this.#serve();
    if (this.#folder === undefined) return;
    this.#behind = true;
    // With many short epochs the file of one may still be under way: a later one then does.
    if (this.#writing.size === 0 || this.#every.steps !== undefined) await this.#keep();
  }

  /** Does work that leaves the state whole: what is asked for meanwhile is done at once. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    await this.#serve();
    this.#whole = true;
    try {
      return await work();
    } finally {
      this.#whole = false;
    }
  }

  /** A checkpoint for whoever asks, as soon as may be; resolves to its path. */
  request(file: string | undefined): Promise<string> {
    if (this.#ended) return Promise.reject(new Error('checkpoint: the run has ended'));
    if (file === undefined && this.#folder === undefined)
      return Promise.reject(new TypeError('checkpoint: give a path, or the run the option checkpoint'));
    if (this.#whole) return this.#take(file);
    return new Promise((resolve, reject) => this.#requests.push({ file, resolve, reject }));
  }

  /** At the end: `keep` what no file has yet, then wait for all files. */
  async end(keep: boolean): Promise<void> {
    try {
      await this.#serve();
      if (this.#folder !== undefined && (keep || this.#behind)) await this.#take(undefined);
      await Promise.allSettled(this.#writing);
      this.#check();
    } finally {
      await this.close();
    }
  }

  /** The run is over, well or not: waits for the file under way, and refuses what was asked for. */
  async close(): Promise<void> {
    this.#ended = true;
    for (const { reject } of this.#requests) reject(new Error('checkpoint: the run has ended'));
    this.#requests = [];
    await Promise.allSettled(this.#writing);
  }

  #due(): boolean {
    if (this.#folder === undefined || this.#source.steps === this.#at.steps) return false;
    const { steps, seconds } = this.#every;
    if (steps !== undefined) return this.#source.steps % steps === 0;
    return this.#writing.size === 0 && performance.now() - this.#at.time >= seconds * 1000;
  }

  async #serve(): Promise<void> {
    this.#check();
    const requests = this.#requests;
    this.#requests = [];
    for (const { file, resolve, reject } of requests)
      try {
        const write = await this.#copy(file);
        resolve(this.#write(write));
      } catch (error) {
        reject(error);
      }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Copies the fit, and writes the file beside what follows. */
  async #keep(): Promise<void> {
    await Promise.allSettled(this.#writing);
    this.#check();
    this.#write(await this.#copy(undefined)).catch((error) => {
      this.#failure ??= { error };
    });
  }

  async #take(file: string | undefined): Promise<string> {
    return this.#write(await this.#copy(file));
  }

  #write(write: () => Promise<string>): Promise<string> {
    const writing = write().finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }

  async #copy(file: string | undefined): Promise<() => Promise<string>> {
    const began = performance.now();
    const { steps } = this.#source;
    const path = file ?? this.#folder!.fileOf(steps);
    const contents = await this.#source.contents();
    if (file === undefined) {
      this.#at = { time: performance.now(), steps };
      this.#behind = false;
    }
    return async () => {
      await writeCheckpoint(this.#source.where, path, contents).finally(() => this.#source.done(contents));
      if (file === undefined) await this.#folder!.prune();
      this.#source.written(path, performance.now() - began);
      return path;
    };
  }
}
