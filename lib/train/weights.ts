/** Parameters of a network by name, out of the engine's memory and into it. */
import { realArray } from '../backends/backend.js';
import { wrongShape, wrongType } from '../errors.js';
import { elements } from '../graph/tensor.js';
import type { Network } from './network.js';

/** A parameter's values, row-major. Running statistics are parameters too, though not trained. */
export interface Weights {
  /** Layer and parameter: 'conv2d_1.weights'. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
}

/** Copies, in the order of the layers. */
export function readWeights({ parameters, layout, theta, backend }: Network): Weights[] {
  return parameters.map(({ node, shape }, i) => {
    const count = elements(shape).fixed;
    const values = realArray(backend.precision, count);
    theta.read(values, layout.offsets[i]!);
    return { name: node.label, shape: shape as readonly number[], values };
  });
}

/** Sets those that are named, once all are checked: see Model.setWeights. */
export function writeWeights(
  { parameters, layout, theta }: Network,
  weights: readonly Pick<Weights, 'name' | 'values'>[],
): void {
  if (!Array.isArray(weights)) throw wrongType('setWeights', 'weights', 'an array of { name, values }', weights);
  const checked = Array.from(weights, (entry: Partial<Weights> | undefined, i) => {
    const at = parameters.findIndex(({ node }) => node.label === entry?.name);
    if (at < 0) {
      const names = parameters.map(({ node }) => `'${node.label}'`).join(', ');
      throw wrongType('setWeights', `weights[${i}].name`, `one of ${names}`, entry?.name);
    }
    const { values } = entry!;
    const name = parameters[at]!.node.label;
    if (!(values instanceof Float32Array || values instanceof Float64Array))
      throw wrongType('setWeights', name, 'a Float32Array or Float64Array', values);
    const { fixed } = elements(parameters[at]!.shape);
    if (values.length !== fixed)
      throw wrongShape(
        'setWeights',
        `${name} has ${fixed} values of shape [${parameters[at]!.shape.join(', ')}] but received ${values.length}`,
      );
    return { values, offset: layout.offsets[at]! };
  });
  for (const { values, offset } of checked) theta.write(values, offset);
}
