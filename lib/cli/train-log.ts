/** `steepest train --log FILE`: the lines of --json in a file, beside what is shown, and more that `steepest report` draws. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { unwritable } from '../files.js';
import type { LossOption } from '../losses/registry.js';
import type { Callback } from '../train/callbacks/callback.js';
import type { Model } from '../train/model.js';
import { jsonLine, type Output } from './io.js';
import type { Images } from './train-data.js';
import { evaluationEvent } from './train-evaluation.js';

export class TrainLog {
  readonly #path: string;

  /** Begins the file anew. @throws ERR_FILE where it cannot be written */
  constructor(path: string) {
    this.#path = path;
    this.#write(() => writeFileSync(path, ''));
  }

  /** Where a report's lines go. */
  readonly output: Output = {
    out: (text) => this.#write(() => appendFileSync(this.#path, text)),
    err: () => {},
  };

  /** Tells mean losses of some steps, a hundred times an epoch at most, where they end (in epochs) and the learning rate there. */
  losses(stepsPerEpoch: number): Callback {
    const few = Math.ceil(stepsPerEpoch / 100);
    let [steps, sum, count] = [0, 0, 0];
    return {
      name: 'trainLog',
      onLosses: (losses, { learningRate }) => {
        steps += losses.length;
        count += losses.length;
        for (const loss of losses) sum += loss;
        if (count < few) return;
        jsonLine(this.output, { event: 'steps', epochs: steps / stepsPerEpoch, loss: sum / count, learningRate });
        [sum, count] = [0, 0];
      },
    };
  }

  /** What the trained network makes of the test images. */
  async evaluation(model: Model, test: Images, loss: LossOption): Promise<void> {
    jsonLine(this.output, await evaluationEvent(model, test, loss));
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw unwritable('train', 'the log', this.#path, error);
    }
  }
}
