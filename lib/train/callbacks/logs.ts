/** Logs of a fit as files: a table (CSV), or one JSON object a line. */
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { checkOptions, wrongType } from '../../errors.js';
import { checkPath, unwritable } from '../../files.js';
import { doneEvent, epochEvent, startEvent } from '../events.js';
import type { EpochRecord } from '../records.js';
import type { Callback, CallbackState } from './callback.js';

export interface LogOptions {
  /** Write behind what the file has, in place of a new file. Default false. */
  readonly append?: boolean;
}

/**
 * Leaves of a log the whole lines among its first bytes, and makes it where it is not there; resolves to how many bytes it then has. So a run that
 * goes on says nothing twice, and what broke off in the middle of a line does no harm.
 */
export async function cutBack(path: string, bytes: number): Promise<number> {
  await appendFile(path, '');
  const kept = (await readFile(path)).subarray(0, bytes).lastIndexOf('\n') + 1;
  await truncate(path, kept);
  return kept;
}

/** A file that grows line by line. A checkpoint knows how long it was, so that a resumed run says nothing twice. */
class Log {
  readonly #where: string;
  readonly #path: string;
  readonly #append: boolean;
  #bytes = 0;

  constructor(where: string, path: string | URL, options: LogOptions | undefined) {
    checkOptions(where, options, ['append']);
    this.#where = where;
    this.#path = checkPath(where, path);
    this.#append = options?.append ?? false;
    if (typeof this.#append !== 'boolean') throw wrongType(where, 'append', 'true or false', this.#append);
  }

  /** Begins; resolves to whether the file is empty. */
  begin(state: CallbackState | undefined): Promise<boolean> {
    return this.#do(async () => {
      if (state === undefined) await writeFile(this.#path, '', { flag: this.#append ? 'a' : 'w' });
      this.#bytes =
        state === undefined ? (await stat(this.#path)).size : await cutBack(this.#path, state.json as number);
      return this.#bytes === 0;
    });
  }

  write(line: string): Promise<void> {
    return this.#do(async () => {
      await appendFile(this.#path, `${line}\n`);
      this.#bytes += Buffer.byteLength(line) + 1;
    });
  }

  state(): CallbackState {
    return { json: this.#bytes };
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw unwritable(this.#where, 'the log', this.#path, error);
    }
  }
}

const columns = [
  ...['epoch', 'trainLoss', 'trainAccuracy', 'objective', 'testLoss', 'testAccuracy'],
  ...['learningRate', 'steps', 'seconds', 'imagesPerSecond'],
] as readonly (keyof EpochRecord)[];

/**
 * Writes a line for each epoch to a CSV file, below a line of names; what an epoch has not is left empty.
 * @throws TypeError on the path and options, here; ERR_FILE, before the first step, where the file cannot be written.
 * @example await model.fit(data, { epochs: 3, callbacks: [csvLog('run.csv')] });
 */
export function csvLog(path: string | URL, options?: LogOptions): Callback {
  const log = new Log('csvLog', path, options);
  return {
    name: 'csvLog',
    async onTrainBegin(_, state) {
      if (await log.begin(state)) await log.write(columns.join());
    },
    onEpochEnd: (record) => log.write(columns.map((name) => record[name] ?? '').join()),
    state: () => log.state(),
  };
}

/**
 * Writes the events of a fit to a file, one JSON object a line, as `steepest train --json` prints them: { event: 'start', device, parameters }, then
 * { event: 'epoch', epoch, trainLoss, testLoss, testAccuracy, seconds, imagesPerSecond } each epoch, then { event: 'done', ... } with the last epoch's
 * figures, and `stopped` or the `reason` where that ended it. A run that fails has no 'done'.
 * @throws TypeError on the path and options, here; ERR_FILE, before the first step, where the file cannot be written.
 * @example await model.fit(data, { epochs: 3, callbacks: [jsonlLog('run.jsonl')] });
 */
export function jsonlLog(path: string | URL, options?: LogOptions): Callback {
  const log = new Log('jsonlLog', path, options);
  const write = (event: object) => log.write(JSON.stringify(event));
  return {
    name: 'jsonlLog',
    async onTrainBegin({ model }, state) {
      await log.begin(state);
      if (state === undefined) await write(startEvent(model));
    },
    onEpochEnd: (record) => write(epochEvent(record)),
    onTrainEnd: (history) => write(doneEvent(history)),
    state: () => log.state(),
  };
}
