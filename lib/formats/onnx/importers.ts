/** What ONNX's operators are here: layers, other views of what layers give, or constants. */
import { permuted } from '../../data/axes.js';
import { FormatFailure, quoted } from '../../failure.js';
import { type Attributes, type Constant, shortest } from './attributes.js';
import { toFirst, toLast } from './graph-builder.js';
import type { NodeProto } from './onnx_pb.js';
import { STOCHASTIC_POOL } from './stochastic-pool.js';
import type { Layers, ParameterValues, Value } from './values.js';

/** A node in its place. */
export interface Step {
  readonly node: NodeProto;
  readonly attributes: Attributes;
  readonly layers: Layers;
  /** What input `i` is; a FormatFailure where it is a constant or not there. */
  value(i: number): Value;
  /** The constant at input `i`; undefined where the node has none. */
  constant(i: number): Constant | undefined;
  /** Whether nothing but this node reads input `i`. */
  alone(i: number): boolean;
}

type Importer = (step: Step) => Value | Constant;
type Options = Readonly<Record<string, unknown>>;

function floats(step: Step, i: number, what: string): Constant & { readonly values: Float32Array } {
  const found = step.constant(i);
  if (found === undefined || !(found.values instanceof Float32Array))
    throw new FormatFailure(`expected constants of floats for ${what}`);
  return found as Constant & { values: Float32Array };
}

function wholes(step: Step, i: number, what: string): number[] {
  const found = step.constant(i);
  if (found === undefined || !(found.values instanceof BigInt64Array) || found.values.length > 64)
    throw new FormatFailure(`expected constants of whole numbers for ${what}`);
  return Array.from(found.values, Number);
}

/** An input whose values lie as the layers' do: not a flattened image with its channels first, and no image of 1 x 1. */
function plain(step: Step, i: number): Value {
  const value = step.value(i);
  if (value.mixed !== undefined)
    throw new FormatFailure(
      'expected Gemm, MatMul, an activation or Dropout behind a flattened image with its channels first',
    );
  if (value.pooled) throw new FormatFailure('expected Flatten or Reshape behind GlobalAveragePool');
  return value;
}

function image(step: Step): Value {
  const x = plain(step, 0);
  if (x.shape.length !== 3 || x.channels !== 'first')
    throw new FormatFailure('expected images with their channels first');
  return x;
}

function layer(
  { layers }: Step,
  kind: Parameters<Layers['draft']>[0]['kind'],
  options: Options,
  from: readonly Value[],
  { parameters = {}, ...rest }: { readonly parameters?: ParameterValues } & Omit<Value, 'shape' | 'draft'>,
): Value {
  return layers.draft({ kind, options, parameters, from }, rest);
}

/** Whether a border of zeros is wanted, and how wide: the same on each side. */
function border({ attributes }: Step, kernelSize: number, strides: number): number {
  const auto = attributes.string('auto_pad', 'NOTSET');
  const pads = attributes.same('pads', [0, 0, 0, 0]);
  if (auto === 'NOTSET') return pads;
  if (auto === 'VALID') return 0;
  if ((auto === 'SAME_UPPER' || auto === 'SAME_LOWER') && strides === 1 && kernelSize % 2 === 1)
    return (kernelSize - 1) / 2;
  throw new FormatFailure(`auto_pad ${quoted(auto)} is not known, or not the same on all sides`);
}

const conv: Importer = (step) => {
  const { attributes } = step;
  const x = image(step);
  const { shape, values } = floats(step, 1, 'the filters');
  const [filters = 0, channels, kernelSize = 0, width] = shape;
  if (shape.length !== 4 || channels !== x.shape[2] || kernelSize !== width)
    throw new FormatFailure(
      `expected square filters [out, ${x.shape[2]}, size, size] but received [${shape.join(', ')}]`,
    );
  if (attributes.int('group', 1) !== 1) throw new FormatFailure('expected one group');
  if (attributes.same('dilations', [1]) !== 1) throw new FormatFailure('expected dilations of 1');
  if (attributes.same('kernel_shape', [kernelSize]) !== kernelSize)
    throw new FormatFailure('expected the kernel_shape of the filters');
  const strides = attributes.same('strides', [1]);
  const useBias = step.constant(2) !== undefined;
  const parameters = {
    weights: permuted(values, shape, [2, 3, 1, 0]),
    ...(useBias && { bias: floats(step, 2, 'the bias').values }),
  };
  const options = { filters, kernelSize, strides, padding: border(step, kernelSize, strides), useBias };
  return layer(step, 'conv2d', options, [x], { channels: 'first', parameters });
};

/** A product with a matrix, [in, out] or turned. Rows of an image that was flattened with its channels first are put in the order here. */
function dense(step: Step, turned: boolean, bias: Float32Array | undefined): Value {
  const x = step.value(0);
  if (x.shape.length !== 1 || x.pooled) throw new FormatFailure('expected rows of numbers');
  const { shape, values } = floats(step, 1, 'the matrix');
  const [rows, units = 0] = turned ? [shape[1], shape[0]] : shape;
  if (shape.length !== 2 || rows !== x.shape[0])
    throw new FormatFailure(`expected a matrix of ${x.shape[0]} rows but received [${shape.join(', ')}]`);
  const matrix = turned ? permuted(values, shape, [1, 0]) : values;
  const [h = 0, w = 0, c = 0] = x.mixed ?? [];
  const weights = x.mixed === undefined ? matrix : permuted(matrix, [c, h, w, units], [1, 2, 0, 3]);
  const options = { units, useBias: bias !== undefined };
  const parameters = { weights, ...(bias && { bias: broadcast(bias, units) }) };
  return layer(step, 'dense', options, [x], { channels: 'flat', parameters });
}

const broadcast = (bias: Float32Array, units: number) =>
  bias.length === 1 ? new Float32Array(units).fill(bias[0]!) : bias;

const gemm: Importer = (step) => {
  const { attributes } = step;
  if (attributes.float('alpha', 1) !== 1 || attributes.float('beta', 1) !== 1)
    throw new FormatFailure('expected 1 for alpha and beta');
  attributes.zeros('transA');
  const bias = step.constant(2) === undefined ? undefined : floats(step, 2, 'the bias').values;
  return dense(step, attributes.int('transB', 0) !== 0, bias);
};

const batchNormalization: Importer = (step) => {
  const { attributes } = step;
  const x = plain(step, 0);
  if (x.channels === 'last') throw new FormatFailure('expected channels first');
  attributes.zeros('training_mode');
  const options = { epsilon: attributes.float('epsilon', 1e-5), momentum: attributes.float('momentum', 0.9) };
  const names = ['scale', 'shift', 'runningMean', 'runningVariance'];
  const parameters = Object.fromEntries(names.map((name, i) => [name, floats(step, i + 1, name).values]));
  return layer(step, 'batchNorm', options, [x], { channels: x.channels, parameters });
};

/** An activation joins the layer before it, where nothing else reads that. */
const activation =
  (kind: 'relu' | 'sigmoid' | 'tanh' | 'softmax'): Importer =>
  (step) => {
    const x = step.value(0);
    const rank = x.shape.length + (x.pooled ? 3 : 1);
    const axis = kind === 'softmax' ? step.attributes.int('axis', -1) : 0;
    const wanted = x.channels === 'first' || x.pooled ? 1 : rank - 1;
    if (kind === 'softmax' && (x.mixed !== undefined || (axis < 0 ? axis + rank : axis) !== wanted))
      throw new FormatFailure('expected softmax over the channels');
    const { draft, shape, ...rest } = x;
    if (
      draft?.options.activation === undefined &&
      draft !== undefined &&
      takesActivation(draft.kind) &&
      step.alone(0)
    ) {
      const options = { ...draft.options, activation: kind };
      return step.layers.draft({ ...draft, options }, rest);
    }
    return layer(step, kind, {}, [x], rest);
  };

const takesActivation = (kind: string) => kind === 'conv2d' || kind === 'dense' || kind === 'batchNorm';

const pool =
  (kind: 'maxPool2d' | 'averagePool2d' | 'stochasticPool2d'): Importer =>
  (step) => {
    const { attributes } = step;
    const x = image(step);
    const poolSize = attributes.same('kernel_shape', []);
    const strides = attributes.same('strides', [1]);
    attributes.zeros('ceil_mode', 'storage_order');
    attributes.int('count_include_pad', 0);
    if (attributes.same('dilations', [1]) !== 1) throw new FormatFailure('expected dilations of 1');
    if (border(step, poolSize, strides) !== 0) throw new FormatFailure('expected a pooling without border');
    return layer(step, kind, { poolSize, strides }, [x], { channels: 'first' });
  };

const globalAveragePool: Importer = (step) =>
  layer(step, 'globalAveragePool2d', {}, [image(step)], { channels: 'flat', pooled: true });

/** The mean over height and width, as an image of 1 x 1 or not. */
const reduceMean: Importer = (step) => {
  const { attributes } = step;
  const axes = step.constant(1) === undefined ? attributes.ints('axes', []) : wholes(step, 1, 'axes');
  attributes.zeros('noop_with_empty_axes');
  const pooled = attributes.int('keepdims', 1) !== 0;
  const places = axes.map((axis) => (axis < 0 ? axis + 4 : axis)).sort();
  if (places.join() !== '2,3') throw new FormatFailure('expected the mean over height and width');
  return layer(step, 'globalAveragePool2d', {}, [image(step)], { channels: 'flat', pooled });
};

/** Flattening: of a mean an other view, of an image with its channels first what Gemm must know of. */
function flattened(step: Step): Value {
  const x = step.value(0);
  if (x.pooled) return step.layers.view(x, { pooled: false });
  const value = layer(step, 'flatten', {}, [x], { channels: 'flat', ...(x.mixed && { mixed: x.mixed }) });
  const [channels, ...others] = [...x.shape].reverse();
  const one = channels === 1 || others.every((size) => size === 1);
  if (x.channels !== 'first' || one) return value;
  if (x.shape.length !== 3) throw new FormatFailure('expected channels last, or images');
  return { ...value, mixed: x.shape };
}

const flatten: Importer = (step) => {
  if (step.attributes.int('axis', 1) !== 1) throw new FormatFailure('expected 1 for axis');
  return flattened(step);
};

/** Only into rows: [N, the rest]. */
const reshape: Importer = (step) => {
  const literal = step.attributes.int('allowzero', 0) !== 0;
  const to = wholes(step, 1, 'the shape');
  const count = step.value(0).shape.reduce((product, size) => product * size, 1);
  const isRows = to.length === 2 && !(literal && to.includes(0)) && (to[1] === count || (to[1] === -1 && to[0] !== -1));
  if (!isRows) throw new FormatFailure(`expected a shape [rows, ${count}] but received [${to.join(', ')}]`);
  return flattened(step);
};

const transpose: Importer = (step) => {
  const x = plain(step, 0);
  const rank = x.shape.length + 1;
  const perm = step.attributes.ints('perm', []).join();
  if (x.channels === 'last' && perm === toFirst(rank).join()) return step.layers.view(x, { channels: 'first' });
  if (x.channels === 'first' && perm === toLast(rank).join()) return step.layers.view(x, { channels: 'last' });
  throw new FormatFailure('expected the channels to go from the first place to the last, or back');
};

const pad: Importer = (step) => {
  const x = plain(step, 0);
  const pads = wholes(step, 1, 'pads');
  const padding = Math.max(...pads);
  const wanted = x.channels === 'first' ? [0, 0, padding, padding] : [0, padding, padding, 0];
  const value = step.constant(2) === undefined ? 0 : floats(step, 2, 'the value').values[0];
  const mode = step.attributes.string('mode', 'constant');
  if (
    x.shape.length !== 3 ||
    pads.join() !== [...wanted, ...wanted].join() ||
    value !== 0 ||
    mode !== 'constant' ||
    step.node.input[3]
  )
    throw new FormatFailure('expected images with zeros put round them, the same on all sides');
  return layer(step, 'zeroPadding2d', { padding }, [x], { channels: x.channels });
};

const dropout: Importer = (step) => {
  const { shape, draft, ...rest } = step.value(0);
  step.attributes.int('seed', 0);
  const rate = step.constant(1) === undefined ? 0.5 : (floats(step, 1, 'the ratio').values[0] ?? Number.NaN);
  return layer(step, 'dropout', { rate: shortest(rate) }, [step.value(0)], rest);
};

/** A sum of layers, or a bias behind a product of matrices. */
const add: Importer = (step) => {
  const { input } = step.node;
  const fixed = input.findIndex((_, i) => step.constant(i) !== undefined);
  if (fixed >= 0 && input.length === 2) {
    const { draft, shape, ...rest } = step.value(1 - fixed);
    const { values } = floats(step, fixed, 'the bias');
    if (
      draft?.kind !== 'dense' ||
      draft.options.useBias ||
      draft.options.activation !== undefined ||
      !step.alone(1 - fixed)
    )
      throw new FormatFailure('expected constants behind MatMul alone');
    const parameters = { ...draft.parameters, bias: broadcast(values, shape[0]!) };
    return step.layers.draft({ ...draft, parameters, options: { ...draft.options, useBias: true } }, rest);
  }
  const from = input.map((_, i) => step.value(i));
  const [{ channels, mixed, pooled }] = from as [Value];
  for (const other of from)
    if (other.channels !== channels || other.mixed?.join() !== mixed?.join() || other.pooled !== pooled)
      throw new FormatFailure('expected the channels of all inputs in one place');
  if (from.length === 1) return from[0]!;
  return layer(step, 'add', {}, from, { channels, ...(mixed && { mixed }), ...(pooled && { pooled }) });
};

const constant: Importer = ({ attributes }) => {
  const value = attributes.tensor('value');
  if (value === undefined) throw new FormatFailure('expected a tensor for value');
  return value;
};

/** By operator; those of other domains with the domain's name before. */
export const importers: Readonly<Record<string, Importer>> = {
  Add: add,
  AveragePool: pool('averagePool2d'),
  BatchNormalization: batchNormalization,
  Constant: constant,
  Conv: conv,
  Dropout: dropout,
  Flatten: flatten,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  Identity: (step) => step.constant(0) ?? step.value(0),
  MatMul: (step) => dense(step, false, undefined),
  MaxPool: pool('maxPool2d'),
  Pad: pad,
  ReduceMean: reduceMean,
  Relu: activation('relu'),
  Reshape: reshape,
  Sigmoid: activation('sigmoid'),
  Softmax: activation('softmax'),
  Sum: add,
  Tanh: activation('tanh'),
  Transpose: transpose,
  [`${STOCHASTIC_POOL.domain}.${STOCHASTIC_POOL.name}`]: pool('stochasticPool2d'),
};
