/** The options of `steepest train` that watch the epochs. */
import type { Command } from 'commander';
import type { Callback } from '../../train/callbacks/callback.js';
import { earlyStopping } from '../../train/callbacks/early-stopping.js';
import { csvLog } from '../../train/callbacks/logs.js';
import { reduceOnPlateau } from '../../train/callbacks/reduce-on-plateau.js';
import { saveBest } from '../../train/callbacks/save-best.js';
import { terminateOnNaN } from '../../train/callbacks/terminate-on-nan.js';
import { wholeNumber } from '../values.js';

export interface CallbackArguments {
  readonly earlyStopping?: number;
  readonly reduceOnPlateau?: number;
  readonly saveBest?: string;
  readonly csv?: string;
  readonly terminateOnNan?: boolean;
}

export const callbackNames = ['earlyStopping', 'reduceOnPlateau', 'saveBest', 'csv', 'terminateOnNan'] as const;

export function addCallbackOptions(command: Command): Command {
  return command
    .option(
      '--early-stopping <n>',
      'end after N epochs in a row without a lower test loss, with the weights of the best',
      wholeNumber(1),
    )
    .option(
      '--reduce-on-plateau <n>',
      'a tenth of the learning rate after N epochs in a row without a lower test loss',
      wholeNumber(1),
    )
    .option('--terminate-on-nan', 'end where the loss is no number any more')
    .option('--save-best <dir>', 'keep the models of the three epochs with the lowest test loss in a folder')
    .option('--csv <file>', 'write a line for each epoch to a CSV file');
}

export function callbacksOf(options: CallbackArguments): Callback[] {
  const { earlyStopping: patience, reduceOnPlateau: plateau, saveBest: dir, csv, terminateOnNan } = options;
  return [
    ...(terminateOnNan ? [terminateOnNaN()] : []),
    ...(plateau === undefined ? [] : [reduceOnPlateau({ patience: plateau })]),
    ...(dir === undefined ? [] : [saveBest({ dir, keep: 3 })]),
    ...(csv === undefined ? [] : [csvLog(csv)]),
    ...(patience === undefined ? [] : [earlyStopping({ patience })]),
  ];
}
