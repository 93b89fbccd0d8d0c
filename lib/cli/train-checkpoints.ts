/** Options of `steepest train` by which a run survives its process. */
import type { Command } from 'commander';
import type { FitOptions } from '../train/options.js';
import { UsageError } from './io.js';
import { wholeNumber } from './values.js';

export interface CheckpointArguments {
  readonly checkpoint?: string;
  readonly checkpointEvery?: number;
  readonly resume?: boolean;
}

export const checkpointNames = ['checkpoint', 'checkpointEvery', 'resume'] as const;

export function addCheckpointOptions(command: Command): Command {
  return command
    .option('--checkpoint <dir>', 'keep the run there after each epoch, every 15 seconds and when it is interrupted')
    .option('--checkpoint-every <n>', 'keep it every so many steps, in place of every 15 seconds', wholeNumber(1))
    .option('--resume', 'go on from the latest checkpoint, where there is one');
}

/** The options of the fit. */
export function checkpointOptions({ checkpoint, checkpointEvery, resume }: CheckpointArguments): FitOptions {
  if (checkpoint !== undefined)
    return {
      checkpoint,
      ...(checkpointEvery !== undefined && { checkpointEvery }),
      ...(resume !== undefined && { resume }),
    };
  if ((checkpointEvery ?? resume) !== undefined)
    throw new UsageError('--checkpoint-every and --resume need --checkpoint DIR');
  return {};
}
