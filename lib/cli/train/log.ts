/** `steepest train --log FILE`: the lines of --json in a file, beside what is shown, and more that `steepest report` draws. */
import { appendFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { unwritable } from '../../files.js';
import type { LossOption } from '../../losses/registry.js';
import type { Callback } from '../../train/callbacks/callback.js';
import { cutBack } from '../../train/callbacks/logs.js';
import { epochEvent } from '../../train/events.js';
import type { Model } from '../../train/model.js';
import type { FitFigures } from '../../train/records.js';
import { jsonLine, type Output } from '../io.js';
import type { Images } from './data.js';
import { evaluationEvent } from './evaluation.js';

/** What a checkpoint keeps: how long the file was, and losses that no line has told yet. */
interface Kept {
  readonly bytes: number;
  readonly sum: number;
  readonly count: number;
}

export class TrainLog {
  readonly #path: string;
  /** Lines told before the run begins; undefined: it has begun. */
  #held: string | undefined = '';
  #bytes = 0;

  /** What the file has stays until the run begins. @throws ERR_FILE where it cannot be written */
  constructor(path: string) {
    this.#path = path;
    this.#append('');
  }

  /** Where a report's lines go. */
  readonly output: Output = {
    out: (text) => {
      if (this.#held === undefined) this.#append(text);
      else this.#held += text;
    },
    err: () => {},
  };

  /** The run begins: the file anew or, where the run goes on, behind the `bytes` that it had then. */
  async begin(bytes?: number): Promise<void> {
    try {
      if (bytes === undefined) await writeFile(this.#path, '');
      this.#bytes = bytes === undefined ? 0 : await cutBack(this.#path, bytes);
    } catch (error) {
      throw unwritable('train', 'the log', this.#path, error);
    }
    if (this.#bytes === 0) this.#append(this.#held!);
    this.#held = undefined;
  }

  /** A run of minimize begins, of which the file may have so many iterations, or more: the same lines go on behind these. */
  async beginAfter(iterations: number): Promise<void> {
    if (iterations === 0) return this.begin();
    const lines = (await readFile(this.#path, 'utf8')).split('\n');
    const ofIterations = lines.flatMap((line, i) => (line.startsWith('{"event":"iteration"') ? [i] : []));
    const kept = ofIterations[iterations - 1] ?? lines.length - 1;
    await this.begin(Buffer.byteLength(`${lines.slice(0, kept + 1).join('\n')}\n`));
  }

  /**
   * Takes part in a fit, whose `status` tells where it is: begins the log, tells each epoch before a checkpoint knows of it, and mean losses of some
   * steps, a hundred times an epoch at most, where they end (in epochs) and the learning rate there.
   */
  callback(status: () => FitFigures): Callback {
    let [sum, count] = [0, 0];
    return {
      name: 'trainLog',
      onTrainBegin: async (_, state) => {
        const kept = state?.json as Kept | undefined;
        await this.begin(kept?.bytes);
        if (kept !== undefined) [sum, count] = [kept.sum, kept.count];
      },
      onLosses: (losses, { learningRate }) => {
        const { epoch, step, steps } = status();
        count += losses.length;
        for (const loss of losses) sum += loss;
        if (steps === undefined || count < Math.ceil(steps / 100)) return;
        jsonLine(this.output, { event: 'steps', epochs: epoch - 1 + step / steps, loss: sum / count, learningRate });
        [sum, count] = [0, 0];
      },
      onEpochEnd: (record) => jsonLine(this.output, epochEvent(record)),
      state: () => ({ json: { bytes: this.#bytes, sum, count } satisfies Kept }),
    };
  }

  /** What the trained network makes of the test images. */
  async evaluation(model: Model, test: Images, loss: LossOption): Promise<void> {
    jsonLine(this.output, await evaluationEvent(model, test, loss));
  }

  #append(text: string): void {
    try {
      appendFileSync(this.#path, text);
    } catch (error) {
      throw unwritable('train', 'the log', this.#path, error);
    }
    this.#bytes += Buffer.byteLength(text);
  }
}
