/** Networks for the tests of ONNX: every layer, with its options and on inputs of all kinds. */
import {
  add,
  averagePool2d,
  batchNorm,
  connect,
  conv2d,
  dense,
  dropout,
  flatten,
  input,
  type LayerGraph,
  relu,
  softmax,
  stochasticPool2d,
  zeroPadding2d,
} from '../../lib/index.js';
import { sequence } from '../../lib/layers/graph.js';
import { layerKinds } from '../../lib/layers/registry.js';
import { RandomStream } from '../../lib/random.js';
import { type Model, model } from '../../lib/train/model.js';
import { exampleGraph } from '../layers/examples.js';

const image = [6, 5, 2];
const x = input(image);

const convolved = connect(x, conv2d({ filters: 2, kernelSize: 1 }));

const graphs: readonly (readonly [string, LayerGraph])[] = [
  ...layerKinds.map((kind) => [kind, exampleGraph(kind)] as const),
  ['a step and a border', sequence(image, [conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 1 })])],
  ['softmax of a convolution', sequence(image, [conv2d({ filters: 3, kernelSize: 1, activation: 'softmax' })])],
  [
    'dense behind an image',
    sequence(image, [zeroPadding2d({ padding: 1 }), flatten(), dense({ units: 3, activation: 'sigmoid' })]),
  ],
  ['dense without bias', sequence([7], [dense({ units: 3, useBias: false }), softmax()])],
  ['normalized rows', sequence([7], [flatten(), batchNorm({ scale: false }), dropout({ rate: 0.5 }), relu()])],
  ['normalized tables', sequence([4, 3], [batchNorm({ activation: 'tanh' }), softmax(), flatten()])],
  ['normalized volumes', sequence([2, 3, 2, 2], [batchNorm(), softmax()])],
  [
    'two stochastic poolings',
    sequence(image, [conv2d({ filters: 2, kernelSize: 1 }), stochasticPool2d(), stochasticPool2d({ strides: 1 })]),
  ],
  ['pooling of images that overlap', sequence(image, [averagePool2d({ poolSize: 3, strides: 1 }), relu()])],
  [
    'an activation beside what it reads',
    { inputs: x, outputs: connect([connect(convolved, relu()), convolved], add()) },
  ],
  [
    'a sum of three',
    { inputs: x, outputs: connect([x, connect(x, relu()), connect(x, conv2d({ filters: 2, kernelSize: 1 }))], add()) },
  ],
];

/** Each network with statistics and weights that are not those of the start. */
export function onnxModels(): [string, Model][] {
  return graphs.map(([name, graph]) => [name, randomized(model({ ...graph, device: 'reference', seed: 3 }))]);
}

/** The model with running statistics, scales, shifts and biases that do something. */
export function randomized(net: Model): Model {
  const random = new RandomStream(11, 0);
  const weights = net.weights().map(({ name, values }) => ({
    name,
    values: name.endsWith('.weights') ? values : values.map(() => random.uniform(0.5, 1.5)),
  }));
  net.setWeights(weights);
  return net;
}

export function noise({ inputShape }: Model, rows: number): Float32Array {
  const random = new RandomStream(12, 0);
  return Float32Array.from({ length: rows * inputShape.reduce((a, b) => a * b, 1) }, () => random.normal());
}
