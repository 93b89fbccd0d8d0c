/** The run of a fit: a run that can be kept in checkpoints. */
import { checkPath } from '../files.js';
import type { FitFigures, FitRecord, History } from './records.js';
import { Run, type RunControl } from './run.js';

export interface FitControl extends RunControl<FitRecord, FitFigures> {
  /** Gives who takes checkpoints, once the fit has begun. */
  onCheckpoint(take: (file: string | undefined) => Promise<string>): void;
}

type Take = Parameters<FitControl['onCheckpoint']>[0];

export class FitRun extends Run<FitRecord, History, FitFigures> {
  readonly #begun: Promise<Take>;

  /** Not part of the public API: `fit` makes runs. */
  constructor(figures: FitFigures, work: (control: FitControl) => Promise<History>) {
    let begin: (take: Take) => void = () => {};
    const begun = new Promise<Take>((resolve) => {
      begin = resolve;
    });
    super(figures, (control) => work(Object.assign(control, { onCheckpoint: begin })));
    this.#begun = begun;
  }

  /**
   * Writes a checkpoint of the fit as it stands after the step it is in: `fit(data, { resume: path, ... })` goes on from there and comes to the same
   * bits. At once while the run is paused or a callback is under way; else training waits until what is kept is copied, not until it is written.
   * @param file a path or file URL; default: the next one in the fit's folder (option `checkpoint`)
   * @returns the file's path, once it is there as a whole
   * @throws (rejects) TypeError without a path where the fit has no folder; ERR_FILE; an Error where the run has ended
   */
  async checkpoint(file?: string | URL): Promise<string> {
    const path = file === undefined ? undefined : checkPath('checkpoint', file);
    const ended = () => {
      throw new Error('checkpoint: the run has ended');
    };
    const take = await Promise.race([this.#begun, this.then(ended, ended)]);
    return take(path);
  }
}
