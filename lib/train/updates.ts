/**
 * What ends a training step: the optimizer's kernel takes the gradient of the batch; or gradients are added up, and the optimizer takes the mean
 * over the rows of several batches.
 */
import type { Optimizer } from '../optimizers/optimizer.js';
import type { CompileRequest, PlanUpdate } from '../plan/compile.js';
import { type Network, stateRegion } from './network.js';

export interface UpdateOptions {
  readonly optimizer: Optimizer;
  readonly C: number;
  readonly clipNorm?: number | undefined;
}

/** The update by the gradient in a region. Regions: that, gradientFactor, state.*. Slots: learningRate, t. */
export function updatesBy(
  { layout: { trained } }: Network,
  gradient: string,
  { optimizer, C, clipNorm }: UpdateOptions,
): PlanUpdate[] {
  const state = optimizer.stateBuffers.map((name) => [name, stateRegion(name)]);
  const clip: PlanUpdate = {
    kernel: 'clip_norm',
    buffers: { g: gradient, factor: 'gradientFactor' },
    ints: { n: trained },
    reals: { limit: clipNorm! },
  };
  const step: PlanUpdate = {
    kernel: optimizer.kernel,
    buffers: {
      theta: 'parameters',
      g: gradient,
      ...(clipNorm !== undefined && { factor: 'gradientFactor' }),
      ...Object.fromEntries(state),
    },
    ints: { n: trained, ...(optimizer.usesStep && { t: { slot: 't' } }) },
    reals: { learningRate: { slot: 'learningRate' }, regularizer: 1 / C, ...optimizer.reals() },
  };
  return clipNorm === undefined ? [step] : [clip, step];
}

/** total <- total + weight * part, weight being a slot's number, negated. An sgd_step whose learning rate is -weight does that, on every device. */
export function addUp({ layout: { trained } }: Network, part: string, total: string): PlanUpdate {
  return {
    kernel: 'sgd_step',
    buffers: { theta: total, g: part },
    ints: { n: trained },
    reals: { learningRate: { slot: 'minusWeight' }, regularizer: 0, weightDecay: 0 },
  };
}

/**
 * The update by what the gradients of some steps, each times its rows, added up to; `total` is 0 afterwards. Regions: total, zero (one 0),
 * and those of updatesBy. Slots: perRow (1 over the rows), and those.
 */
export function updateRequest(network: Network, options: UpdateOptions): CompileRequest {
  const ints = { n: network.layout.trained };
  return {
    name: `${network.name} update`,
    precision: network.backend.precision,
    maxBatch: 1,
    inputs: [],
    parameters: [],
    outputs: [],
    updates: [
      {
        kernel: 'scale_forward',
        buffers: { x: 'total', y: 'total' },
        ints,
        reals: { factor: { slot: 'perRow' } },
      },
      ...updatesBy(network, 'total', options),
      { kernel: 'sum_backward', buffers: { dy: 'zero', dx: 'total' }, ints, reals: {} },
    ],
  };
}
