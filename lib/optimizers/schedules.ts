/**
 * Learning-rate schedules: the step size eta_t of update t = 0, 1, 2, ... (lecture notes 2.2.1, line 5 of algorithm 2.1, and 2.3).
 * t counts the updates (batches) that the optimizer has made, over all fits of a model that it goes on in; not epochs.
 */
import { checkInteger, checkNumber, checkOneOf, checkOptions, wrongType } from '../errors.js';

export interface Schedule {
  /** The function that makes it: 'constant', 'cosine', ... */
  readonly name: ScheduleName;
  /** Its numbers by name, defaults filled in; `{ name, options }` is its JSON form (see `scheduleFrom`). */
  readonly options: Readonly<Record<string, number>>;
  /** The learning rate of update t, counted from 0. */
  at(t: number): number;
}

const rate = (where: string, learningRate: unknown): number =>
  checkNumber(where, 'learningRate', learningRate, { min: 0, openMax: true });

/** The same learning rate always: with it the bound on the expected squared gradient keeps alpha G^2 L / 2 (notes 2.3). */
export function constant(learningRate: number): Schedule {
  rate('constant', learningRate);
  return { name: 'constant', options: { learningRate }, at: () => learningRate };
}

/** learningRate / (1 + decay t), `decay` >= 0; where it is > 0, sum eta = infinity and sum eta^2 < infinity (Robbins and Monro 1951). */
export function inverseTime(learningRate: number, decay: number): Schedule {
  rate('inverseTime', learningRate);
  checkNumber('inverseTime', 'decay', decay, { min: 0, openMax: true });
  return { name: 'inverseTime', options: { learningRate, decay }, at: (t) => learningRate / (1 + decay * t) };
}

/** learningRate / sqrt(t + 1): drives the expected squared gradient to 0 (notes 2.3, the diminishing step). */
export function inverseSqrt(learningRate: number): Schedule {
  rate('inverseSqrt', learningRate);
  return { name: 'inverseSqrt', options: { learningRate }, at: (t) => learningRate / Math.sqrt(t + 1) };
}

export interface StepOptions {
  /** Updates between two changes. */
  readonly every: number;
  /** What the rate is multiplied by at each change. Default 0.1. */
  readonly factor?: number;
}

/** learningRate * factor^floor(t / every): PyTorch's StepLR. */
export function step(learningRate: number, options: StepOptions): Schedule {
  rate('step', learningRate);
  checkOptions('step', options ?? null, ['every', 'factor']);
  const { every, factor = 0.1 } = options;
  checkInteger('step', 'every', every, 1);
  checkNumber('step', 'factor', factor, { min: 0, openMax: true });
  return {
    name: 'step',
    options: { learningRate, every, factor },
    at: (t) => learningRate * factor ** Math.floor(t / every),
  };
}

export interface CosineOptions {
  /** Updates in all, warm-up included; from there on the rate stays at `minimum`. */
  readonly steps: number;
  /** Updates over which the rate first rises, linearly: (t + 1) / warmup of it. Default 0. */
  readonly warmup?: number;
  /** The rate at the end. Default 0. */
  readonly minimum?: number;
}

/**
 * Half a cosine from learningRate down to `minimum`, after a linear warm-up (Loshchilov and Hutter, SGDR, 2017, equation 5).
 * Without a warm-up these are the rates of PyTorch's CosineAnnealingLR(T_max=steps, eta_min=minimum) before update `steps`.
 */
export function cosine(learningRate: number, options: CosineOptions): Schedule {
  rate('cosine', learningRate);
  checkOptions('cosine', options ?? null, ['steps', 'warmup', 'minimum']);
  const { steps, warmup = 0, minimum = 0 } = options;
  checkInteger('cosine', 'steps', steps, 1);
  checkInteger('cosine', 'warmup', warmup, 0, steps);
  checkNumber('cosine', 'minimum', minimum, { min: 0, max: learningRate });
  const at = (t: number): number => {
    if (t < warmup) return (learningRate * (t + 1)) / warmup;
    if (t >= steps) return minimum;
    const progress = (t - warmup) / (steps - warmup);
    return minimum + ((learningRate - minimum) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
  return { name: 'cosine', options: { learningRate, steps, warmup, minimum }, at };
}

export interface OneCycleOptions {
  /** Updates in all (at least 2); from there on the rate stays where it ended. */
  readonly steps: number;
  /** Part of the updates over which the rate rises, in (0, 1). Default 0.3. */
  readonly pctStart?: number;
  /** It begins at learningRate / divFactor. Default 25. */
  readonly divFactor?: number;
  /** It ends at learningRate / (divFactor finalDivFactor). Default 10,000. */
  readonly finalDivFactor?: number;
}

/**
 * One cycle: half a cosine up to learningRate at t = pctStart steps - 1 (if that is > 0), then half a cosine down to nearly 0 (Smith and Topin,
 * Super-Convergence, 2018). The numbers are those of PyTorch's OneCycleLR with cycle_momentum=False.
 */
export function oneCycle(learningRate: number, options: OneCycleOptions): Schedule {
  rate('oneCycle', learningRate);
  checkOptions('oneCycle', options ?? null, ['steps', 'pctStart', 'divFactor', 'finalDivFactor']);
  const { steps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
  checkInteger('oneCycle', 'steps', steps, 2);
  checkNumber('oneCycle', 'pctStart', pctStart, { min: 0, max: 1, openMin: true, openMax: true });
  checkNumber('oneCycle', 'divFactor', divFactor, { min: 1, openMax: true });
  checkNumber('oneCycle', 'finalDivFactor', finalDivFactor, { min: 1, openMax: true });
  const first = learningRate / divFactor;
  const peak = Math.max(0, pctStart * steps - 1);
  const ease = (from: number, to: number, part: number) => to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
  const at = (t: number): number => {
    if (t < peak) return ease(first, learningRate, t / peak);
    return ease(learningRate, first / finalDivFactor, Math.min(1, (t - peak) / (steps - 1 - peak)));
  };
  return { name: 'oneCycle', options: { learningRate, steps, pctStart, divFactor, finalDivFactor }, at };
}

const schedules = {
  constant: ({ learningRate }: Numbers) => constant(learningRate!),
  inverseTime: ({ learningRate, decay }: Numbers) => inverseTime(learningRate!, decay!),
  inverseSqrt: ({ learningRate }: Numbers) => inverseSqrt(learningRate!),
  step: ({ learningRate, ...options }: Numbers) => step(learningRate!, options as unknown as StepOptions),
  cosine: ({ learningRate, ...options }: Numbers) => cosine(learningRate!, options as unknown as CosineOptions),
  oneCycle: ({ learningRate, ...options }: Numbers) => oneCycle(learningRate!, options as unknown as OneCycleOptions),
};
type Numbers = Readonly<Record<string, number>>;

export type ScheduleName = 'constant' | 'inverseTime' | 'inverseSqrt' | 'step' | 'cosine' | 'oneCycle';
/** A schedule as JSON. */
export interface ScheduleConfig {
  readonly name: ScheduleName;
  readonly options: Numbers;
}

/** A schedule from a number (constant), a schedule, or its JSON form. TypeError on anything else. `where` names the asker. */
export function scheduleFrom(where: string, value: number | Schedule | ScheduleConfig): Schedule {
  if (typeof value === 'number') {
    rate(where, value);
    return constant(value);
  }
  if (value === null || typeof value !== 'object')
    throw wrongType(where, 'learningRate', 'a number or a schedule', value);
  if ('at' in value && typeof value.at === 'function') return value;
  const name = checkOneOf(where, 'learningRate.name', value.name, Object.keys(schedules) as ScheduleName[]);
  if (value.options === null || typeof value.options !== 'object')
    throw wrongType(where, 'learningRate.options', 'an object', value.options);
  return schedules[name](value.options);
}
