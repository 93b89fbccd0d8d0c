/** The options of `steepest train` that are an optimizer's numbers, and its learning rate's schedule. */
import { type Command, Option } from 'commander';
import type { Optimizer, OptimizerName } from '../../optimizers/optimizer.js';
import { optimizerFrom, optimizerNames } from '../../optimizers/registry.js';
import { cosine, oneCycle } from '../../optimizers/schedules.js';
import { UsageError } from '../io.js';
import { decayRate, flag, listed, numberIn, positiveNumber } from '../values.js';

const scheduleNames = ['constant', 'cosine', 'one-cycle'] as const;
/** Numbers that some optimizers have, by the names that these know them by. */
const numberNames = ['weightDecay', 'momentum', 'beta1', 'beta2', 'decay', 'delta'] as const;

export interface OptimizerArguments extends Partial<Readonly<Record<(typeof numberNames)[number], number>>> {
  readonly lr?: number;
  readonly schedule?: (typeof scheduleNames)[number];
}

export const optimizerOptionNames = ['lr', 'schedule', ...numberNames] as const;

export function addOptimizerOptions(command: Command): Command {
  return command
    .option('--lr <x>', "learning rate (default: the optimizer's)", positiveNumber)
    .addOption(
      new Option(
        '--schedule <name>',
        'how the learning rate goes from its largest, --lr, over all steps (default: constant)',
      ).choices(scheduleNames),
    )
    .option('--weight-decay <x>', 'each update also takes lr * x * theta off (default: 0; adamw: 0.01)', numberIn(0))
    .option('--momentum <x>', "momentum's and nesterov's memory of the steps before (default: 0.9)", decayRate)
    .option('--beta1 <x>', "adam's and adamw's memory of the gradient (default: 0.9)", decayRate)
    .option('--beta2 <x>', "adam's and adamw's memory of its square (default: 0.999)", decayRate)
    .option('--decay <x>', "rmsprop's memory of the gradient's square (default: 0.9)", decayRate)
    .option(
      '--delta <x>',
      'keeps divisions from 0: of adam and adamw (default: 1e-8), rmsprop and adagrad (1e-7)',
      positiveNumber,
    );
}

/** Refuses numbers that this optimizer has not. */
export function checkOptimizer(name: OptimizerName, options: OptimizerArguments): void {
  const takes = (number: string) => (optimizer: OptimizerName) => number in optimizerFrom(optimizer).options;
  for (const number of numberNames)
    if (options[number] !== undefined && !takes(number)(name))
      throw new UsageError(`${flag(number)} is for --optimizer ${listed(optimizerNames.filter(takes(number)))}`);
}

/** The optimizer, its learning rate on a schedule over so many updates. */
export function optimizerOf(name: OptimizerName, options: OptimizerArguments, updates: number): Optimizer {
  const { lr, schedule = 'constant' } = options;
  const given = Object.fromEntries(
    [['learningRate', lr] as const, ...numberNames.map((number) => [number, options[number]] as const)].filter(
      ([, value]) => value !== undefined,
    ),
  );
  const optimizer = optimizerFrom(name, given);
  if (schedule === 'constant') return optimizer;
  const learningRate = (schedule === 'cosine' ? cosine : oneCycle)(optimizer.learningRate.at(0), { steps: updates });
  return optimizerFrom(name, { ...given, learningRate });
}
