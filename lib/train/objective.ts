/**
 * What is minimised, as graphs and plans: f(theta) = theta'theta / (2C) + (1/l) sum_i loss_i (lecture notes 1.3.4), each loss times its row's
 * weight where rows have weights (of mean 1: data/weights.ts). The first term enters through the optimizer's kernel (G = g + theta/C), so the
 * gradient here is that of the mean loss alone.
 */
import type { TargetKind } from '../data/dataset.js';
import { grad } from '../graph/grad.js';
import { accuracy } from '../graph/ops/accuracy.js';
import { add } from '../graph/ops/add.js';
import { mean } from '../graph/ops/mean.js';
import { mul } from '../graph/ops/mul.js';
import { squaredNorm } from '../graph/ops/squared-norm.js';
import { sum } from '../graph/ops/sum.js';
import { constant, input, type Tensor } from '../graph/tensor.js';
import { nodesBefore } from '../graph/walk.js';
import { asRows, type Loss } from '../losses/loss.js';
import type { CompileRequest, PlanInput, PlanOutput } from '../plan/compile.js';
import type { Network } from './network.js';
import type { Kinds } from './registered.js';
import { addUp, type UpdateOptions, updatesBy } from './updates.js';

/** Pixels 0 .. 255 become 0 .. 1. */
const PIXEL = 1 / 255;

export interface ObjectiveOptions {
  readonly loss: Loss;
  /** Also count the rows whose label the network finds (where there are labels). */
  readonly accuracy: boolean;
  readonly kinds: Kinds;
  readonly batch: number;
  /** Convolutions as CompileRequest.strict says. Default false. */
  readonly strict?: boolean;
}

/** Rows of a registered data set, by the indices of the run; or (`indices` undefined) the run's next rows. */
function inputs(tensor: Tensor, region: string, from: 'real' | 'u8' | 'i32', gather: boolean): PlanInput {
  if (!gather) return { tensor, region };
  const factor = from === 'u8' ? PIXEL : 1;
  return { tensor, region, gather: { indices: 'indices', from, factor, shift: 0, rowsSlot: 'rows' } };
}

/** The form of the targets that a loss takes. */
export function targetKind({ name, targets }: Loss): TargetKind {
  if (targets === 'labels') return 'classes';
  return name === 'hinge' || name === 'logistic' ? 'signs' : 'numbers';
}

/**
 * The mean loss and the number of right answers on a batch: scalars, with the inputs they need. `scores` is the tensor that the loss reads:
 * the network's output, or what a final softmax or sigmoid is applied to.
 */
export function objective(
  network: Network,
  { loss, accuracy: counted, kinds }: Omit<ObjectiveOptions, 'batch'>,
  training: boolean,
) {
  const z = network.output(training);
  const countable = counted && kinds.labels;
  const planInputs = [inputs(network.input, 'x', kinds.x, true)];
  let labels: Tensor | undefined;
  if (!kinds.values || countable) {
    labels = input('labels', ['N'], 'i32');
    planInputs.push(inputs(labels, 'labels', 'i32', true));
  }
  let target = labels!;
  if (kinds.values) {
    target = input('targets', z.shape);
    planInputs.push(inputs(target, 'targets', 'real', true));
  }
  let each = loss.apply(z, target);
  if (kinds.weights) {
    const weights = input('weights', ['N']);
    planInputs.push(inputs(weights, 'weights', 'real', true));
    each = mul(each, weights, 'weights');
  }
  const value = mean(each);
  const planOutputs: PlanOutput[] = [{ tensor: value, region: 'loss', perStep: 1 }];
  if (countable) {
    const right = accuracy(asRows(z, 'accuracy'), labels!, { threshold: loss.threshold(z) });
    planOutputs.push({ tensor: sum(right), region: 'correct', perStep: 1 });
  }
  return { value, scores: scoresOf(value, z), inputs: planInputs, outputs: planOutputs };
}

/** The tensor nearest to the output `z` that `value` is made from. */
function scoresOf(value: Tensor, z: Tensor): Tensor {
  const nodes = new Set(nodesBefore([value]));
  let at = z;
  while (!nodes.has(at.node)) at = at.node.inputs[0]!;
  return at;
}

/**
 * One training step: gather, forward, backward, update; or, with `accumulate`, the gradient times the step's rows is added to total instead
 * (slot minusWeight: the rows, negated). Regions: indices, x, labels | targets, weights, gradients, total | gradientFactor and state.*, loss, correct.
 */
export function trainingRequest(
  network: Network,
  options: ObjectiveOptions & UpdateOptions & { readonly accumulate?: boolean },
): CompileRequest {
  const { value, inputs, outputs } = objective(network, options, true);
  const gradients = grad(value, network.trained);
  const { offsets } = network.layout;
  const place = (p: Tensor) => offsets[network.parameters.indexOf(p)]!;
  return {
    name: `${network.name} training`,
    precision: network.backend.precision,
    maxBatch: options.batch,
    inputs,
    parameters: network.parameters,
    outputs: [
      ...outputs,
      ...gradients.map((tensor, i) => ({ tensor, region: 'gradients', offset: place(network.trained[i]!) })),
      ...[...network.assigned].map(([p, tensor]) => ({ tensor, region: 'parameters', offset: place(p) })),
    ],
    updates: options.accumulate ? [addUp(network, 'gradients', 'total')] : updatesBy(network, 'gradients', options),
  };
}

/** Loss and right answers without learning, on demand the network's outputs too. Regions: indices, x, labels | targets, weights, loss, correct, y. */
export function evaluationRequest(
  network: Network,
  options: ObjectiveOptions & { readonly keepOutputs: boolean },
): CompileRequest {
  const { inputs, outputs } = objective(network, options, false);
  if (options.keepOutputs) outputs.push({ tensor: network.output(false), region: 'y' });
  return {
    strict: options.strict ?? false,
    name: `${network.name} evaluation`,
    precision: network.backend.precision,
    maxBatch: options.batch,
    inputs,
    parameters: network.parameters,
    outputs,
  };
}

/** Outputs for inputs. Regions: x (real: read where it lies; u8: also indices), y. */
export function predictionRequest(network: Network, kind: 'real' | 'u8', batch: number): CompileRequest {
  return {
    name: `${network.name} prediction`,
    precision: network.backend.precision,
    maxBatch: batch,
    inputs: [inputs(network.input, 'x', kind, kind === 'u8')],
    parameters: network.parameters,
    outputs: [{ tensor: network.output(false), region: 'y' }],
  };
}

/** theta'theta of what is trained, for the regulariser's value. Region: norm. */
export function normRequest(network: Network): CompileRequest {
  const norms = network.trained.map((p) => squaredNorm(p));
  const total = norms.length === 0 ? constant(0) : norms.reduce((a, b) => add(a, b));
  return {
    name: `${network.name} regulariser`,
    precision: network.backend.precision,
    maxBatch: 1,
    inputs: [],
    parameters: network.parameters,
    outputs: [{ tensor: total, region: 'norm' }],
  };
}
