/**
 * From steepest's memory orders to PyTorch's: images N H W C to N C H W, filters R S C K to K C R S, dense weights in x out to out x in.
 * After a flatten the inputs of a dense layer stand in another order too: ours flattens H, W, C and PyTorch C, H, W.
 */
import type { BuiltLayer } from '../../lib/layers/graph.js';

type Values = Float32Array;

/** [n, h, w, c] to [n, c, h, w]. */
export function imagesToTorch(values: Values, [n, h, w, c]: readonly [number, number, number, number]): Values {
  const result = new Float32Array(values.length);
  const area = h * w;
  for (let image = 0; image < n; image++)
    for (let at = 0; at < area; at++)
      for (let channel = 0; channel < c; channel++)
        result[(image * c + channel) * area + at] = values[(image * area + at) * c + channel]!;
  return result;
}

/** [r, s, c, k] to [k, c, r, s]. */
export function filtersToTorch(values: Values, [r, s, c, k]: readonly [number, number, number, number]): Values {
  const result = new Float32Array(values.length);
  const area = r * s;
  for (let at = 0; at < area; at++)
    for (let channel = 0; channel < c; channel++)
      for (let filter = 0; filter < k; filter++)
        result[(filter * c + channel) * area + at] = values[(at * c + channel) * k + filter]!;
  return result;
}

/** [inputs, units] to [units, inputs]; `image` [h, w, c]: the inputs are that image, flattened. */
export function denseToTorch(
  values: Values,
  [inputs, units]: readonly [number, number],
  image: readonly [number, number, number] = [1, 1, inputs],
): Values {
  const result = new Float32Array(values.length);
  const [h, w, c] = image;
  if (h * w * c !== inputs) throw new RangeError(`an image [${image.join(', ')}] has not ${inputs} values`);
  for (let at = 0; at < h * w; at++)
    for (let channel = 0; channel < c; channel++)
      for (let unit = 0; unit < units; unit++)
        result[unit * inputs + channel * h * w + at] = values[(at * c + channel) * units + unit]!;
  return result;
}

/** The parameters of a network (an array each, in the order of its layers) as PyTorch keeps them. */
export function parametersToTorch(
  built: readonly Pick<BuiltLayer, 'layer' | 'outputShape' | 'parameters' | 'first'>[],
  inputShape: readonly number[],
  parameters: readonly Values[],
): Values[] {
  let shape = inputShape;
  let flattened: readonly [number, number, number] | undefined;
  const result: Values[] = [];
  for (const { layer, outputShape, parameters: specs, first } of built) {
    if (layer.kind === 'flatten' && shape.length === 3) flattened = shape as [number, number, number];
    for (const [i, { shape: own, trainable = true }] of specs.entries()) {
      if (!trainable) continue; // running statistics begin alike
      const values = parameters[first + i]!;
      if (own.length === 1) result.push(values);
      else if (layer.kind === 'conv2d') result.push(filtersToTorch(values, own as [number, number, number, number]));
      else if (layer.kind === 'dense') result.push(denseToTorch(values, own as [number, number], flattened));
      else throw new Error(`no rule for the parameters of ${layer.kind}`);
    }
    if (layer.kind === 'dense') flattened = undefined;
    shape = outputShape;
  }
  return result;
}
