/** Lowers the learning rate of a running fit when it no longer gets better. */
import { checkInteger, checkNumber, checkOptions } from '../../errors.js';
import type { Callback } from './callback.js';
import { Monitor, type MonitorOptions, monitorOptions } from './monitor.js';

export interface ReduceOnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by, in (0, 1). Default 0.1. */
  readonly factor?: number;
  /** Epochs in a row without a better number after which it does; >= 1. Default 10. */
  readonly patience?: number;
  /** Epochs after a change that do not count. Default 0. */
  readonly cooldown?: number;
  /** No lower than this. Default 0. */
  readonly minLearningRate?: number;
}

interface Counted {
  readonly best: number | undefined;
  readonly waited: number;
  readonly cooldown: number;
}

/**
 * Multiplies the learning rate by `factor` after `patience` epochs in a row in which `monitor` did not get better by more than `minDelta` (default
 * 1e-4), whatever the optimizer's schedule is: it is the schedule's rate that is multiplied, for as long as the optimizer's state is kept. Numbers
 * and defaults are those of Keras's ReduceLROnPlateau (PyTorch's minDelta is relative).
 * @throws TypeError, RangeError on options, here; TypeError before the first step where the fit has no such number.
 * @example await model.fit(data, { epochs: 100, validationData, callbacks: [reduceOnPlateau({ factor: 0.5, patience: 3 })] });
 */
export function reduceOnPlateau(options?: ReduceOnPlateauOptions): Callback {
  const name = 'reduceOnPlateau';
  checkOptions(name, options, [...monitorOptions, 'factor', 'patience', 'cooldown', 'minLearningRate']);
  const o = options ?? {};
  const factor = checkNumber(name, 'factor', o.factor ?? 0.1, { min: 0, max: 1, openMin: true, openMax: true });
  const patience = checkInteger(name, 'patience', o.patience ?? 10, 1);
  const cooldown = checkInteger(name, 'cooldown', o.cooldown ?? 0);
  const least = checkNumber(name, 'minLearningRate', o.minLearningRate ?? 0, { min: 0, openMax: true });
  const monitor = new Monitor(name, o, 1e-4);
  let counted: Counted;
  return {
    name,
    onTrainBegin(fit, state) {
      monitor.begin(fit);
      counted = (state?.json as Counted | undefined) ?? { best: undefined, waited: 0, cooldown: 0 };
    },
    onEpochEnd(record, fit) {
      if (record.partial) return;
      const value = monitor.of(record);
      const rest = Math.max(0, counted.cooldown - 1);
      if (monitor.better(value, counted.best)) counted = { best: value, waited: 0, cooldown: rest };
      else if (counted.cooldown > 0) counted = { ...counted, waited: 0, cooldown: rest };
      else counted = { ...counted, waited: counted.waited + 1 };
      const rate = record.learningRate;
      if (counted.waited < patience || rate <= least) return;
      fit.scaleLearningRate(rate * factor < least ? least / rate : factor);
      counted = { ...counted, waited: 0, cooldown };
    },
    state: () => ({ json: counted }),
  };
}
