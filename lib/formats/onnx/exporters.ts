/** What each layer is in ONNX: one operator, or a few. Images have their channels first there, filters are [out, in, height, width]. */
import { permuted } from '../../data/axes.js';
import type { Activation } from '../../layers/common.js';
import type { Layer, MergeLayer } from '../../layers/layer.js';
import type { LayerKind } from '../../layers/registry.js';
import { type AttributeInit, float, type GraphBuilder, int, ints, type Value } from './graph-builder.js';
import { STOCHASTIC_POOL } from './stochastic-pool.js';

export interface Parameter {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A layer in its place. */
export interface Placed {
  readonly graph: GraphBuilder;
  readonly layer: Layer | MergeLayer;
  readonly label: string;
  readonly inputs: readonly Value[];
  readonly outputShape: readonly number[];
  readonly parameters: ReadonlyMap<string, Parameter>;
}

/** The options that a layer keeps, defaults filled in. */
interface Options {
  readonly kernelSize: number;
  readonly strides: number;
  readonly padding: number | 'same' | 'valid';
  readonly poolSize: number;
  readonly epsilon: number;
  readonly momentum: number;
  readonly rate: number;
  readonly activation: Activation;
}
const optionsOf = ({ layer }: Placed) => layer.options as unknown as Options;

/** Adds the layer's nodes; gives the tensor that holds what it makes. */
type Exporter = (placed: Placed) => Omit<Value, 'shape'>;

const OPERATORS = { relu: 'Relu', sigmoid: 'Sigmoid', tanh: 'Tanh', softmax: 'Softmax' } as const;
type Named = keyof typeof OPERATORS;

/** The node of an activation; softmax goes over the channels. */
function activate(graph: GraphBuilder, name: string, activation: Named, from: Omit<Value, 'shape'>) {
  const attributes: Record<string, AttributeInit> =
    activation === 'softmax' ? { axis: int(from.first === undefined ? -1 : 1) } : {};
  const y = graph.node(name, OPERATORS[activation], [(from.first ?? from.last)!], attributes);
  return from.first === undefined ? { last: y } : { first: y };
}

/** A layer that is an activation alone: the channels stay where they are. */
const activation =
  (kind: Named): Exporter =>
  ({ graph, label, inputs: [x] }) =>
    activate(graph, label, kind, x!);

/** What follows a layer's own node; both names derive from its label. */
function activated(placed: Placed, from: Omit<Value, 'shape'>): Omit<Value, 'shape'> {
  const { activation } = optionsOf(placed);
  return activation === 'linear'
    ? from
    : activate(placed.graph, `${placed.label}.${activation}`, activation as Named, from);
}

function constant({ graph, label, parameters }: Placed, name: string): string[] {
  const parameter = parameters.get(name);
  return parameter === undefined ? [] : [graph.floats(`${label}.${name}`, parameter.shape, parameter.values)];
}

const conv2d: Exporter = (placed) => {
  const { graph, label, inputs, parameters } = placed;
  const { kernelSize: k, strides, padding } = optionsOf(placed);
  const zeros = padding === 'same' ? (k - 1) / 2 : padding === 'valid' ? 0 : padding;
  const { shape, values } = parameters.get('weights')!;
  const order = [3, 2, 0, 1];
  const filters = graph.floats(
    `${label}.weights`,
    order.map((axis) => shape[axis]!),
    permuted(values, shape, order),
  );
  const first = graph.node(label, 'Conv', [graph.channelsFirst(inputs[0]!), filters, ...constant(placed, 'bias')], {
    kernel_shape: ints([k, k]),
    strides: ints([strides, strides]),
    pads: ints([zeros, zeros, zeros, zeros]),
  });
  return activated(placed, { first });
};

const dense: Exporter = (placed) => {
  const { graph, label, inputs } = placed;
  const input = [graph.channelsLast(inputs[0]!), ...constant(placed, 'weights'), ...constant(placed, 'bias')];
  return activated(placed, { last: graph.node(label, 'Gemm', input) });
};

const batchNorm: Exporter = (placed) => {
  const { graph, label, inputs, parameters, outputShape } = placed;
  const { epsilon, momentum } = optionsOf(placed);
  const k = parameters.get('runningMean')!.shape;
  const all = (name: string, value: number) =>
    parameters.has(name)
      ? constant(placed, name)
      : [graph.floats(`${label}.${name}`, k, new Float32Array(k[0]!).fill(value))];
  const y = graph.node(
    label,
    'BatchNormalization',
    [
      ...[graph.channelsFirst(inputs[0]!), ...all('scale', 1), ...all('shift', 0)],
      ...[...constant(placed, 'runningMean'), ...constant(placed, 'runningVariance')],
    ],
    { epsilon: float(epsilon), momentum: float(momentum) },
  );
  return activated(placed, outputShape.length === 1 ? { last: y } : { first: y });
};

const pool =
  (opType: string): Exporter =>
  (placed) => {
    const { graph, label, inputs } = placed;
    const { poolSize, strides } = optionsOf(placed);
    const window = { kernel_shape: ints([poolSize, poolSize]), strides: ints([strides, strides]) };
    return { first: graph.node(label, opType, [graph.channelsFirst(inputs[0]!)], window) };
  };

const stochasticPool2d: Exporter = (placed) => {
  const made = pool(STOCHASTIC_POOL.name)(placed);
  placed.graph.nodes.at(-1)!.domain = STOCHASTIC_POOL.domain;
  return made;
};

const zeroPadding2d: Exporter = (placed) => {
  const { graph, label, inputs } = placed;
  const padding = optionsOf(placed).padding as number;
  const pads = graph.int64s(`${label}.pads`, [0, 0, padding, padding, 0, 0, padding, padding]);
  return { first: graph.node(label, 'Pad', [graph.channelsFirst(inputs[0]!), pads]) };
};

const globalAveragePool2d: Exporter = ({ graph, label, inputs }) => {
  const means = graph.node(`${label}.means`, 'GlobalAveragePool', [graph.channelsFirst(inputs[0]!)]);
  return { last: graph.node(label, 'Flatten', [means], { axis: int(1) }) };
};

const flatten: Exporter = ({ graph, label, inputs }) => ({
  last: graph.node(label, 'Flatten', [graph.channelsLast(inputs[0]!)], { axis: int(1) }),
});

/** In inference nothing; the node stays for whoever reads the file. */
const dropout: Exporter = (placed) => {
  const {
    graph,
    label,
    inputs: [x],
  } = placed;
  const rate = graph.floats(`${label}.rate`, [], Float32Array.of(optionsOf(placed).rate));
  const y = graph.node(label, 'Dropout', [(x!.first ?? x!.last)!, rate]);
  return x!.first === undefined ? { last: y } : { first: y };
};

const add: Exporter = ({ graph, label, inputs }) => {
  const isFirst = inputs.some(({ first }) => first !== undefined);
  const from = inputs.map((x) => (isFirst ? graph.channelsFirst(x) : graph.channelsLast(x)));
  const y = graph.node(label, 'Sum', from);
  return isFirst ? { first: y } : { last: y };
};

/** Every layer that is not a block: what a network is taken apart into. */
export const exporters: Readonly<Record<Exclude<LayerKind, 'residual'>, Exporter>> = {
  conv2d,
  dense,
  batchNorm,
  zeroPadding2d,
  maxPool2d: pool('MaxPool'),
  averagePool2d: pool('AveragePool'),
  globalAveragePool2d,
  stochasticPool2d,
  relu: activation('relu'),
  sigmoid: activation('sigmoid'),
  tanh: activation('tanh'),
  softmax: activation('softmax'),
  dropout,
  flatten,
  add,
};
