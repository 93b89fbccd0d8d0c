/**
 * The contract of an optimizer: which kernel updates the parameters, what state it keeps, and its numbers.
 * The arithmetic stands in the kernels (`<name>_step`). There G = g + regularizer * theta, where regularizer = 1/C comes from training,
 * and learningRate * weightDecay * theta is taken off apart from it: the decoupled form (notes 2.2.6; lambda there = learningRate * weightDecay).
 */
import type { KernelName } from '../backends/kernels.js';
import { checkNumber, checkOptions } from '../errors.js';
import { type Schedule, type ScheduleConfig, scheduleFrom } from './schedules.js';

export type OptimizerName = 'sgd' | 'momentum' | 'nesterov' | 'adagrad' | 'rmsprop' | 'adam' | 'adamw';

export interface Optimizer {
  readonly name: OptimizerName;
  /** Its numbers by name, defaults filled in, and the schedule in JSON form: `optimizerFrom(name, options)` makes it anew. */
  readonly options: Readonly<Record<string, number | ScheduleConfig>>;
  readonly kernel: KernelName;
  /** The kernel's buffers of one value a parameter that live from step to step, zero at the start: ['v'], ['s', 'r']. */
  readonly stateBuffers: readonly string[];
  /** The learning rate of each update. */
  readonly learningRate: Schedule;
  /** The kernel takes t, the number of the update counted from 1. */
  readonly usesStep: boolean;
  /** The kernel's fixed numbers: all but learningRate and regularizer. */
  reals(): Readonly<Record<string, number>>;
}

export interface CommonOptions {
  /** A number or a schedule of updates. */
  readonly learningRate?: number | Schedule | ScheduleConfig;
  /**
   * Decoupled weight decay: each update also takes learningRate * weightDecay * theta off. With `sgd`, weightDecay 1/C is the regulariser
   * theta'theta / (2C) of `fit`; with the others it is not, for theta/C goes through their v, s and r.
   * PyTorch's `weight_decay` is the regulariser's 1/C, and in AdamW this one; Keras's is this one everywhere.
   */
  readonly weightDecay?: number;
}

interface Form {
  readonly name: OptimizerName;
  readonly kernel: KernelName;
  readonly stateBuffers: readonly string[];
  readonly usesStep?: boolean;
  /** Default of each number. */
  readonly defaults: Readonly<Record<string, number>>;
}

/** Range of each number: rates of decay lie in [0, 1), delta keeps a division from 0. */
const ranges: Readonly<Record<string, Parameters<typeof checkNumber>[3]>> = {
  weightDecay: { min: 0, openMax: true },
  momentum: { min: 0, max: 1, openMax: true },
  decay: { min: 0, max: 1, openMax: true },
  beta1: { min: 0, max: 1, openMax: true },
  beta2: { min: 0, max: 1, openMax: true },
  delta: { min: 0, openMin: true, openMax: true },
};

/** Checks the options, fills the defaults in, makes the optimizer. */
export function makeOptimizer(form: Form, options: CommonOptions | undefined): Optimizer {
  const { name, kernel, stateBuffers, usesStep = false, defaults } = form;
  checkOptions(name, options, Object.keys(defaults));
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  const learningRate = scheduleFrom(name, options?.learningRate ?? defaults.learningRate!);
  const reals: Record<string, number> = {};
  for (const [key, value] of Object.entries(defaults))
    if (key !== 'learningRate') reals[key] = checkNumber(name, key, given[key] ?? value, ranges[key]);
  const config: ScheduleConfig = { name: learningRate.name, options: learningRate.options };
  return {
    name,
    options: { learningRate: config, ...reals },
    kernel,
    stateBuffers,
    learningRate,
    usesStep,
    reals: () => ({ ...reals }),
  };
}
