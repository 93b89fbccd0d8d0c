/**
 * Derivatives of the mean loss over any number of rows, as plans: each step takes a segment of them, and what it finds is added up on the
 * device, each times its share of all rows. The network is that of inference: dropout does nothing, normalizations use their running statistics, which stay as they are.
 * Convolutions are strict: line searches and conjugate gradients feel a lost digit.
 */
import { grad } from '../graph/grad.js';
import { gaussNewtonProduct } from '../graph/second-order.js';
import { input, type Tensor } from '../graph/tensor.js';
import type { CompileRequest } from '../plan/compile.js';
import type { Network } from './network.js';
import { type ObjectiveOptions, objective } from './objective.js';
import { addUp } from './updates.js';

/** Where the derivative by each trained parameter goes in a region. */
function placed(network: Network, tensors: readonly Tensor[], region: string) {
  const { parameters, trained, layout } = network;
  return tensors.map((tensor, i) => ({ tensor, region, offset: layout.offsets[parameters.indexOf(trained[i]!)]! }));
}

/** Loss and gradient. Regions: indices, x, labels | targets, part, total, loss, correct. Slots: rows, minusWeight. */
export function gradientRequest(network: Network, options: ObjectiveOptions): CompileRequest {
  const { value, inputs, outputs } = objective(network, options, false);
  return {
    name: `${network.name} gradient`,
    precision: network.backend.precision,
    strict: true,
    maxBatch: options.batch,
    inputs,
    parameters: network.parameters,
    outputs: [...outputs, ...placed(network, grad(value, network.trained), 'part')],
    updates: [addUp(network, 'part', 'total')],
  };
}

/** The Gauss-Newton matrix times a vector. Regions: indices, x, labels | targets, direction, part, total. Slots: rows, minusWeight. */
export function productRequest(network: Network, options: Omit<ObjectiveOptions, 'accuracy'>): CompileRequest {
  const { value, scores, inputs } = objective(network, { ...options, accuracy: false }, false);
  const directions = network.trained.map((p) => [p, input(p.node.label, p.shape)] as const);
  const products = gaussNewtonProduct(value, scores, directions);
  return {
    name: `${network.name} Gauss-Newton product`,
    precision: network.backend.precision,
    strict: true,
    maxBatch: options.batch,
    inputs: [
      ...inputs,
      ...placed(
        network,
        directions.map(([, v]) => v),
        'direction',
      ),
    ],
    parameters: network.parameters,
    outputs: placed(network, products, 'part'),
    updates: [addUp(network, 'part', 'total')],
  };
}
