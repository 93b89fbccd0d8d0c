/** The options by which a run is kept in checkpoints and resumed. */
import { checkInteger, checkNumber, checkOptions } from '../../errors.js';
import { checkPath } from '../../files.js';
import type { Where } from './file.js';
import { CheckpointFolder, checkpointAt, type Found } from './folder.js';

export interface CheckpointOptions {
  /**
   * A folder for checkpoints, made where it is not there: after each epoch of a fit, at the end (of a fit: by stop()), and in between by `checkpointEvery`.
   * The last two are kept, each whole or not at all, whenever the process ends. ERR_CHECKPOINT where it has those of another run. Default: none.
   */
  readonly checkpoint?: string | URL;
  /** How often in between: every so many batches (of minimize: iterations), or `{ seconds }`. Default every 15 seconds. */
  readonly checkpointEvery?: number | { readonly seconds: number };
  /**
   * Go on from a checkpoint: true, from the latest in the folder `checkpoint` (from the beginning where there is none), or from a file (or
   * folder). With the same model, data and options the run comes to the same bits as one that was never interrupted. `epochs` (of minimize:
   * `iterations`) may be larger. The result has the records of before; the run's own begin with the new ones. Of two checkpoints of which the latest is
   * damaged the other is resumed, with a warning. Default false.
   *
   * ERR_CHECKPOINT where it is of another model, made with other options or by another version, or no checkpoint is whole.
   */
  readonly resume?: boolean | string | URL;
}

export const checkpointOptionNames = [
  'checkpoint',
  'checkpointEvery',
  'resume',
] as const satisfies readonly (keyof CheckpointOptions)[];

export interface CheckpointSettings {
  /** The folder. */
  readonly checkpoint: string | undefined;
  readonly checkpointEvery: { readonly steps?: number; readonly seconds: number };
  /** A path; true: in the folder. */
  readonly resume: boolean | string;
}

export function readCheckpointOptions(where: Where, options: CheckpointOptions): CheckpointSettings {
  const { checkpoint, checkpointEvery: every, resume = false } = options;
  if (resume === true && checkpoint === undefined)
    throw new TypeError(`${where}: resume: true needs the option checkpoint`);
  if (every !== undefined && checkpoint === undefined)
    throw new TypeError(`${where}: checkpointEvery needs the option checkpoint`);
  if (every !== undefined && typeof every !== 'number') checkOptions(`${where}: checkpointEvery`, every, ['seconds']);
  const positive = { min: 0, openMin: true, openMax: true };
  return {
    checkpoint: checkpoint === undefined ? undefined : checkPath(where, checkpoint),
    checkpointEvery:
      typeof every === 'number'
        ? { steps: checkInteger(where, 'checkpointEvery', every, 1), seconds: 0 }
        : {
            seconds: checkNumber(where, 'checkpointEvery.seconds', every === undefined ? 15 : every.seconds, positive),
          },
    resume: typeof resume === 'boolean' ? resume : checkPath(where, resume),
  };
}

/** What a run is to go on from: the option's file, or the latest in its folder; undefined where it begins anew. */
export async function checkpointToResume(
  where: Where,
  { resume, checkpoint }: CheckpointSettings,
): Promise<Found | undefined> {
  const warn = (message: string) => process.emitWarning(message, { type: 'SteepestWarning', code: 'ERR_CHECKPOINT' });
  if (typeof resume === 'string') return checkpointAt(where, resume, warn);
  return resume ? new CheckpointFolder(where, checkpoint!).latest(warn) : undefined;
}
