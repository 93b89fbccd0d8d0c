/** `model.plan()`: the plan of a step, to be looked at. */
import type { Plan } from '../backends/backend.js';
import { checkInteger, checkNumber, checkOptions } from '../errors.js';
import { lossFrom } from '../losses/registry.js';
import { optimizerFrom } from '../optimizers/registry.js';
import { describePlan } from '../plan/describe.js';
import type { Network } from './network.js';
import { predictionRequest, trainingRequest } from './objective.js';
import type { FitOptions } from './options.js';

export interface PlanOptions {
  /** Rows of a step. Default 32. */
  readonly batchSize?: number;
  /** The training step (default), or the prediction of outputs. */
  readonly training?: boolean;
  /** Of the training step: loss, optimizer and regulariser, as for fit. */
  readonly loss?: FitOptions['loss'];
  readonly optimizer?: FitOptions['optimizer'];
  readonly C?: number;
  /** Whether the inputs are pixels (Uint8Array). Default false. */
  readonly pixels?: boolean;
}

/** A compiled plan; printed, it shows its kernels with shapes, bytes and floating-point operations. */
export interface PlanDescription {
  readonly plan: Plan;
  toString(): string;
}

/** Compiles the plan that the options ask for: see Model.plan. */
export function planOf(network: Network, options: PlanOptions | undefined): PlanDescription {
  checkOptions('plan', options, ['batchSize', 'training', 'loss', 'optimizer', 'C', 'pixels']);
  const o = options ?? {};
  const batch = checkInteger('plan', 'batchSize', o.batchSize ?? 32, 1, 2 ** 24);
  const x = o.pixels ? 'u8' : 'real';
  const loss = lossFrom(o.loss ?? 'softmaxCrossEntropy');
  const kinds = { x, labels: true, values: false, weights: false } as const;
  const optimizer = optimizerFrom(o.optimizer ?? 'adam');
  const C = checkNumber('plan', 'C', o.C ?? Number.POSITIVE_INFINITY, { min: 0, openMin: true });
  const { plan } = network.compile(
    o.training === false
      ? predictionRequest(network, x, batch)
      : trainingRequest(network, { loss, accuracy: true, kinds, batch, optimizer, C }),
  );
  return { plan, toString: () => describePlan(plan) };
}
