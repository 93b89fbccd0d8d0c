/**
 * Parameters as PyTorch keeps them: filters [out, in, height, width], dense weights [out, in], images with their channels first. So behind a flattened
 * image the rows of a dense layer, and the values of a normalization, stand in another order than here, where channels are last.
 */
import { permuted } from '../data/axes.js';
import type { BuiltLayer } from '../layers/graph.js';

type Values = Float32Array | Float64Array;

/** What PyTorch's modules call the parameters. */
export const PYTORCH_NAMES: Readonly<Record<string, string>> = {
  weights: 'weight',
  bias: 'bias',
  scale: 'weight',
  shift: 'bias',
  runningMean: 'running_mean',
  runningVariance: 'running_var',
};

/** A parameter in its place: its shape there, and how its values come from there. */
export interface PytorchForm {
  readonly shape: readonly number[];
  convert<T extends Values>(values: T): T;
}

/** The shape of the image that a layer's flat output was, channels last, where its values stand in another order there. */
function mixedShapes(built: readonly BuiltLayer[], inputShape: readonly number[]): (readonly number[] | undefined)[] {
  const mixed: (readonly number[] | undefined)[] = [];
  for (const { layer, inputs, outputShape } of built) {
    const [from = -1] = inputs;
    const shape = from < 0 ? inputShape : built[from]!.outputShape;
    if (layer.kind === 'flatten' && shape.length > 1) mixed.push(shape);
    else mixed.push(layer.kind === 'dense' || outputShape.length > 1 || from < 0 ? undefined : mixed[from]);
  }
  return mixed;
}

/** The forms of all parameters, layer by layer. */
export function pytorchForms(built: readonly BuiltLayer[], inputShape: readonly number[]): PytorchForm[][] {
  const mixed = mixedShapes(built, inputShape);
  return built.map(({ layer, inputs, parameters }) => {
    const image = mixed[inputs[0]!];
    return parameters.map(({ name, shape }) => {
      if (layer.kind === 'conv2d' && name === 'weights') return turned(shape, [3, 2, 0, 1]);
      if (layer.kind === 'dense' && name === 'weights') return rows(shape, image);
      return image === undefined || layer.kind !== 'batchNorm' ? turned(shape, [0]) : flattened(shape, image);
    });
  });
}

/** `order`: the axes here, as they stand there. */
function turned(shape: readonly number[], order: readonly number[]): PytorchForm {
  const there = order.map((axis) => shape[axis]!);
  const back = order.map((_, axis) => order.indexOf(axis));
  return { shape: there, convert: (values) => permuted(values, there, back) };
}

/** Channels first, as they lie there, and the axes that bring them last. */
function channelsFirst(image: readonly number[]) {
  const [c = 1, ...others] = [image.at(-1)!, ...image.slice(0, -1)];
  return { there: [c, ...others], back: [...others.map((_, i) => i + 1), 0] };
}

function flattened(shape: readonly number[], image: readonly number[]): PytorchForm {
  const { there, back } = channelsFirst(image);
  return { shape, convert: (values) => permuted(values, there, back) };
}

/** [in, units] here, [units, in] there. */
function rows(shape: readonly number[], image: readonly number[] | undefined): PytorchForm {
  const [k = 0, units = 0] = shape;
  const { there, back } = channelsFirst(image ?? [1, k]);
  const axes = [...back.map((axis) => axis + 1), 0];
  return { shape: [units, k], convert: (values) => permuted(values, [units, ...there], axes) };
}
