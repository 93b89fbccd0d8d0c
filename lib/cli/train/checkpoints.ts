/** Options of `steepest train` by which a run survives its process. */
import type { Command } from 'commander';
import type { CheckpointOptions } from '../../train/checkpoint/options.js';
import { UsageError } from '../io.js';
import { wholeNumber } from '../values.js';

export interface CheckpointArguments {
  readonly checkpoint?: string;
  readonly checkpointEvery?: number;
  /** true: from the folder of --checkpoint. */
  readonly resume?: true | string;
}

export function addCheckpointOptions(command: Command): Command {
  return command
    .option(
      '--checkpoint <dir>',
      'keep the run there after each epoch, every 15 seconds, and when it ends or is interrupted',
    )
    .option(
      '--checkpoint-every <n>',
      'keep it every so many steps (of whole-data methods: iterations), in place of every 15 seconds',
      wholeNumber(1),
    )
    .option(
      '--resume [file]',
      'go on from the latest checkpoint in the folder of --checkpoint, where there is one; or from this file, or folder',
    );
}

/** The options of the run. */
export function checkpointOptions({ checkpoint, checkpointEvery, resume }: CheckpointArguments): CheckpointOptions {
  if (checkpoint === undefined && checkpointEvery !== undefined)
    throw new UsageError('--checkpoint-every needs --checkpoint DIR');
  if (checkpoint === undefined && resume === true)
    throw new UsageError('--resume needs --checkpoint DIR, or a file or folder to go on from: --resume FILE');
  return {
    ...(checkpoint !== undefined && { checkpoint }),
    ...(checkpointEvery !== undefined && { checkpointEvery }),
    ...(resume !== undefined && { resume }),
  };
}
