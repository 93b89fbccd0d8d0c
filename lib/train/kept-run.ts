/** Runs that can be kept in checkpoints: those of fit and minimize. */
import { checkPath } from '../files.js';
import type { FitFigures, FitRecord, History } from './records.js';
import { Run, type RunControl } from './run.js';

export interface KeptControl<Item, Figures> extends RunControl<Item, Figures> {
  /** Gives who takes checkpoints, once the run has begun. */
  onCheckpoint(take: Take): void;
}

/** Takes a checkpoint: into a file, or the run's folder. Resolves to its path. */
export type Take = (file: string | undefined) => Promise<string>;

export class KeptRun<Item extends { readonly kind: string }, Result, Figures extends object = object> extends Run<
  Item,
  Result,
  Figures
> {
  readonly #begun: Promise<Take>;

  /** Not part of the public API: `fit` and `minimize` make runs. */
  constructor(figures: Figures, work: (control: KeptControl<Item, Figures>) => Promise<Result>) {
    let begin: (take: Take) => void = () => {};
    const begun = new Promise<Take>((resolve) => {
      begin = resolve;
    });
    super(figures, (control) => work(Object.assign(control, { onCheckpoint: begin })));
    this.#begun = begun;
  }

  /**
   * Writes a checkpoint of the run: of a fit as it stands after the step it is in, of minimize after its last iteration. `fit(data, { resume: path, ... })`
   * (or `minimize`) goes on from there and comes to the same bits. At once while a fit is paused or a callback is under way; else its training waits until
   * what is kept is copied, not until it is written.
   * @param file a path or file URL; default: the next one in the run's folder (option `checkpoint`)
   * @returns the file's path, once it is there as a whole
   * @throws (rejects) TypeError without a path where the run has no folder; ERR_FILE; an Error where the run has ended
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

export type FitRun = KeptRun<FitRecord, History, FitFigures>;
