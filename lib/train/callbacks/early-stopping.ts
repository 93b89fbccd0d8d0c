/** Ends a fit when it no longer gets better (Prechelt, "Early stopping - but when?", 1998). */
import { checkInteger, checkOptions, wrongType } from '../../errors.js';
import type { Weights } from '../weights.js';
import type { Callback, CallbackState } from './callback.js';
import { Monitor, type MonitorOptions, monitorOptions } from './monitor.js';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs in a row without a better number after which it ends; >= 1. Default 3. */
  readonly patience?: number;
  /** Give the model the weights of its best epoch when the fit ends, however it ends. Default true. */
  readonly restoreBest?: boolean;
}

interface Counted {
  readonly best: number | undefined;
  readonly waited: number;
}

/**
 * Ends the fit after `patience` epochs in a row in which `monitor` did not get better by more than `minDelta` (default 0); the model then has the
 * weights, and running statistics, of the best epoch. The history's reason is 'earlyStopping'. Keras's patience is 0 and its best weights
 * are not restored by default.
 * @throws TypeError, RangeError on options, here; TypeError before the first step where the fit has no such number.
 * @example await model.fit(data, { epochs: 100, validationData, callbacks: [earlyStopping({ monitor: 'testAccuracy', patience: 5 })] });
 */
export function earlyStopping(options?: EarlyStoppingOptions): Callback {
  const name = 'earlyStopping';
  checkOptions(name, options, [...monitorOptions, 'patience', 'restoreBest']);
  const patience = checkInteger(name, 'patience', options?.patience ?? 3, 1);
  const restoreBest = options?.restoreBest ?? true;
  if (typeof restoreBest !== 'boolean') throw wrongType(name, 'restoreBest', 'true or false', restoreBest);
  const monitor = new Monitor(name, options ?? {}, 0);
  let counted: Counted;
  let weights: readonly Weights[] | undefined;
  return {
    name,
    async onTrainBegin(fit, state) {
      monitor.begin(fit);
      counted = (state?.json as Counted | undefined) ?? { best: undefined, waited: 0 };
      weights = restoreBest && state?.arrays ? withArrays(await fit.weights(), state.arrays) : undefined;
    },
    async onEpochEnd(record, fit) {
      if (record.partial) return;
      const value = monitor.of(record);
      if (monitor.better(value, counted.best)) {
        if (restoreBest) weights = await fit.weights();
        counted = { best: value, waited: 0 };
        return;
      }
      counted = { ...counted, waited: counted.waited + 1 };
      if (counted.waited >= patience) fit.end(name);
    },
    async onTrainEnd(_, fit) {
      if (weights !== undefined) await fit.setWeights(weights);
      weights = undefined;
    },
    state: (): CallbackState => ({
      json: counted,
      ...(weights && { arrays: Object.fromEntries(weights.map(({ name, values }) => [name, values])) }),
    }),
  };
}

/** Weights with other values: those of a checkpoint. */
function withArrays(weights: readonly Weights[], arrays: NonNullable<CallbackState['arrays']>): Weights[] {
  return weights.map((entry) => ({ ...entry, values: arrays[entry.name] ?? entry.values }));
}
