import { describe, expect, it } from 'vitest';
import { input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { add } from '../../lib/layers/add.js';
import { averagePool2d } from '../../lib/layers/average-pool2d.js';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { flatten } from '../../lib/layers/flatten.js';
import { globalAveragePool2d } from '../../lib/layers/global-average-pool2d.js';
import { buildLayers, connect, input as inputOf } from '../../lib/layers/graph.js';
import type { AnyLayer, Layer } from '../../lib/layers/layer.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import {
  graphFromConfig,
  graphToConfig,
  layerFromConfig,
  layerKinds,
  layers,
  toConfig,
} from '../../lib/layers/registry.js';
import { relu } from '../../lib/layers/relu.js';
import { sigmoid } from '../../lib/layers/sigmoid.js';
import { softmax } from '../../lib/layers/softmax.js';
import { stochasticPool2d } from '../../lib/layers/stochastic-pool2d.js';
import { tanh } from '../../lib/layers/tanh.js';
import { zeroPadding2d } from '../../lib/layers/zero-padding2d.js';
import { evaluate } from './evaluate.js';
import { layerExamples } from './examples.js';

/** Output of a layer for a batch of one, with given parameters. */
function outputOf(layer: Layer, shape: number[], x: number[], parameters: number[][] = [], training = false, step = 0) {
  const { parameters: specs, outputShape } = layer.build(shape, 'layer');
  const tensor = input('x', ['N', ...shape]);
  const weights = specs.map((spec) => parameter(spec.name, spec.shape));
  const y = layer.apply(tensor, weights, { training, seed: 3, stream: 7, label: 'layer' });
  expect(y.shape).toEqual(['N', ...outputShape]);
  const feed = new Map<Tensor, number[]>([[tensor, x], ...weights.map((w, i) => [w, parameters[i]!] as const)]);
  return evaluate(y, 1, feed, step);
}

const image = Array.from({ length: 9 }, (_, i) => i + 1); // 3 x 3, one channel

describe('shapes and parameters', () => {
  it.each([
    [conv2d({ filters: 32, kernelSize: 5, padding: 2 }), [28, 28, 1], [28, 28, 32], [[5, 5, 1, 32], [32]]],
    [conv2d({ filters: 4, kernelSize: 3, strides: 2 }), [8, 9, 3], [3, 4, 4], [[3, 3, 3, 4], [4]]],
    [conv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false }), [8, 9, 3], [8, 9, 4], [[3, 3, 3, 4]]],
    [dense({ units: 10 }), [784], [10], [[784, 10], [10]]],
    [dense({ units: 10, useBias: false }), [784], [10], [[784, 10]]],
    [batchNorm(), [4, 5, 3], [4, 5, 3], [[3], [3], [3], [3]]],
    [batchNorm({ scale: false, shift: false, activation: 'relu' }), [7], [7], [[7], [7]]],
    [zeroPadding2d({ padding: 2 }), [4, 5, 3], [8, 9, 3], []],
    [maxPool2d(), [7, 6, 2], [3, 3, 2], []],
    [averagePool2d({ poolSize: 3, strides: 1 }), [7, 6, 2], [5, 4, 2], []],
    [stochasticPool2d({ poolSize: 3, strides: 2 }), [7, 6, 2], [3, 2, 2], []],
    [globalAveragePool2d(), [7, 6, 2], [2], []],
    [flatten(), [7, 6, 2], [84], []],
    [relu(), [7, 6, 2], [7, 6, 2], []],
    [sigmoid(), [5], [5], []],
    [tanh(), [5], [5], []],
    [softmax(), [5], [5], []],
    [dropout({ rate: 0.5 }), [5], [5], []],
  ] as const)('%#: $kind', (layer, inputShape, outputShape, parameters) => {
    const built = layer.build(inputShape, 'layer');
    expect(built.outputShape).toEqual(outputShape);
    expect(built.parameters.map((p) => p.shape)).toEqual(parameters);
    const x = input('x', ['N', ...inputShape]);
    const weights = built.parameters.map((p) => parameter(p.name, p.shape));
    for (const training of [false, true]) {
      const y = layer.apply(x, weights, { training, seed: 1, stream: 2, label: 'layer' });
      expect(y.shape).toEqual(['N', ...outputShape]);
      expect(y.dtype).toBe('real');
    }
  });

  it('gives fans and initialisers: He before relu, Glorot otherwise, zero bias', () => {
    const [weights, bias] = conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }).build([5, 5, 4], 'c').parameters;
    expect([weights!.name, weights!.initializer.name, weights!.fanIn, weights!.fanOut]).toEqual([
      'weights',
      'heNormal',
      36,
      72,
    ]);
    expect([bias!.name, bias!.initializer.name]).toEqual(['bias', 'zeros']);
    const [linear] = dense({ units: 3 }).build([7], 'd').parameters;
    expect([linear!.initializer.name, linear!.fanIn, linear!.fanOut]).toEqual(['glorotUniform', 7, 3]);
    const [given] = dense({ units: 3, weightsInitializer: 'heUniform' }).build([7], 'd').parameters;
    expect(given!.initializer.name).toBe('heUniform');
  });
});

describe('numbers', () => {
  it('conv2d: filter, bias and relu', () => {
    const layer = conv2d({ filters: 1, kernelSize: 2, activation: 'relu' });
    expect(outputOf(layer, [3, 3, 1], image, [[1, 0, 0, -1], [5]])).toEqual([1, 1, 1, 1]); // x - (x + 4) + 5
    expect(outputOf(layer, [3, 3, 1], image, [[1, 0, 0, -1], [3]])).toEqual([0, 0, 0, 0]);
  });

  it('conv2d: same padding keeps the size, strides skip', () => {
    const identity = [0, 0, 0, 0, 1, 0, 0, 0, 0];
    const same = conv2d({ filters: 1, kernelSize: 3, padding: 'same', useBias: false });
    expect(outputOf(same, [3, 3, 1], image, [identity])).toEqual(image);
    const skip = conv2d({ filters: 1, kernelSize: 1, strides: 2, useBias: false });
    expect(outputOf(skip, [3, 3, 1], image, [[2]])).toEqual([2, 6, 14, 18]);
  });

  it('dense: x W + b, row by row of W = inputs', () => {
    const weights = [1, 2, 3, 4, 5, 6]; // [2, 3]
    expect(outputOf(dense({ units: 3 }), [2], [10, 100], [weights, [0.5, 0, 0]])).toEqual([410.5, 520, 630]);
    const bounded = outputOf(dense({ units: 3, activation: 'softmax' }), [2], [0, 0], [weights, [0, 0, 0]]);
    for (const p of bounded) expect(p).toBeCloseTo(1 / 3, 12);
  });

  it('batchNorm: by the batch in training, by running statistics otherwise', () => {
    const epsilon = 1e-9;
    const pixels = [1, 10, 3, 20, 5, 30, 7, 40]; // 2 x 2, channels 1 3 5 7 and 10 20 30 40: deviations sqrt(5), sqrt(125)
    const [scale, shift, mean, variance] = [
      [1, 2],
      [0, 1],
      [1, 10],
      [4, 25],
    ];
    const inference = outputOf(batchNorm({ epsilon }), [2, 2, 2], pixels, [scale!, shift!, mean!, variance!]);
    for (const [i, value] of [0, 1, 1, 5, 2, 9, 3, 13].entries()) expect(inference[i]).toBeCloseTo(value, 6);
    const training = outputOf(batchNorm({ epsilon }), [2, 2, 2], pixels, [scale!, shift!, mean!, variance!], true);
    for (const [i, value] of [-3, -3, -1, -1, 1, 1, 3, 3].entries())
      expect(training[i]).toBeCloseTo(i % 2 === 0 ? value / Math.sqrt(5) : 1 + (2 * value) / Math.sqrt(5), 6);
    const plain = batchNorm({ epsilon, scale: false, shift: false, activation: 'relu' });
    expect(
      outputOf(
        plain,
        [2],
        [3, 3],
        [
          [1, 4],
          [4, 4],
        ],
      ),
    ).toEqual([expect.closeTo(1, 6), 0]);
  });

  it('pooling, padding, flattening', () => {
    expect(outputOf(maxPool2d({ poolSize: 2, strides: 1 }), [3, 3, 1], image)).toEqual([5, 6, 8, 9]);
    expect(outputOf(averagePool2d({ poolSize: 2, strides: 1 }), [3, 3, 1], image)).toEqual([3, 4, 6, 7]);
    expect(outputOf(globalAveragePool2d(), [2, 2, 2], [1, 10, 2, 20, 3, 30, 6, 60])).toEqual([3, 30]);
    expect(outputOf(zeroPadding2d({ padding: 1 }), [1, 1, 1], [7])).toEqual([0, 0, 0, 0, 7, 0, 0, 0, 0]);
    expect(outputOf(flatten(), [3, 3, 1], image)).toEqual(image);
  });

  it('stochasticPool2d: a value of the window in training, the expected value otherwise', () => {
    const layer = stochasticPool2d({ poolSize: 3 });
    const [expected] = outputOf(layer, [3, 3, 1], image);
    expect(expected).toBeCloseTo(285 / 45, 6);
    const drawn = Array.from({ length: 40 }, (_, step) => outputOf(layer, [3, 3, 1], image, [], true, step)[0]!);
    for (const value of drawn) expect(image).toContain(value);
    expect(new Set(drawn).size).toBeGreaterThan(2);
  });

  it('dropout: zeros and scaled values in training, nothing otherwise', () => {
    const x = new Array(400).fill(3);
    const layer = dropout({ rate: 0.25 });
    expect(outputOf(layer, [400], x)).toEqual(x);
    const y = outputOf(layer, [400], x, [], true);
    expect(new Set(y)).toEqual(new Set([0, 4]));
    expect(y.filter((v) => v === 0).length).toBeGreaterThan(60);
    expect(y.filter((v) => v === 0).length).toBeLessThan(140);
    expect(outputOf(layer, [400], x, [], true, 1)).not.toEqual(y);
    expect(outputOf(dropout({ rate: 0 }), [400], x, [], true)).toEqual(x);
  });

  it('activations', () => {
    expect(outputOf(relu(), [3], [-1, 0, 2])).toEqual([0, 0, 2]);
    expect(outputOf(sigmoid(), [1], [0])).toEqual([0.5]);
    expect(outputOf(tanh(), [1], [0.5])[0]).toBeCloseTo(Math.tanh(0.5), 12);
    const [p, q] = outputOf(softmax(), [2], [1, 0]);
    expect(p! / q!).toBeCloseTo(Math.E, 10);
  });
});

describe('what does not fit', () => {
  it.each([
    [() => dense({ units: 3 }).build([7, 7, 2], 'dense_2'), /^dense_2: .*\[7, 7, 2\].*flatten\(\)/],
    [() => conv2d({ filters: 3, kernelSize: 3 }).build([784], 'conv2d_1'), /^conv2d_1: .*images.*\[784\]/],
    [() => conv2d({ filters: 3, kernelSize: 5 }).build([4, 9, 1], 'conv2d_1'), /^conv2d_1: .*5 x 5.*\[4, 9, 1\]/],
    [() => maxPool2d({ poolSize: 3 }).build([2, 2, 8], 'maxPool2d_1'), /^maxPool2d_1: .*3 x 3.*\[2, 2, 8\]/],
    [() => globalAveragePool2d().build([5], 'g'), /^g: .*images.*\[5\]/],
    [
      () => conv2d({ filters: 1, kernelSize: 3, padding: 129 }).build([4, 9, 1], 'c'),
      /^c: .*padding of at most 128 over images of 4 x 9 but received 129$/,
    ],
    [() => zeroPadding2d({ padding: 1 }).build([5], 'z'), /^z: .*images.*\[5\]/],
    [() => flatten().build([0, 3], 'f'), /^f: .*\[0, 3\]/],
    [() => relu().build([], 'r'), /^r: .*\[\]/],
  ])('shape %#', (build, message) => {
    expect(build).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
    expect(build).toThrow(message);
    expect(build).toThrow(RangeError);
  });

  // Wrong on purpose: what JavaScript callers can write.
  const bad = (kind: keyof typeof layers, options: unknown) => () => (layers[kind] as (o: unknown) => Layer)(options);
  it.each([
    [bad('conv2d', undefined), TypeError, /^conv2d: expected an object for options/],
    [bad('conv2d', { filters: '8', kernelSize: 3 }), TypeError, /^conv2d: .*filters.*"8"/],
    [bad('conv2d', { filters: 8, kernelSize: 0 }), RangeError, /^conv2d: .*kernelSize.*0/],
    [bad('conv2d', { filters: 8, kernelSize: 2.5 }), RangeError, /kernelSize.*2.5/],
    [bad('conv2d', { filters: Number.NaN, kernelSize: 3 }), RangeError, /filters.*NaN/],
    [bad('conv2d', { filters: 8, kernelSize: 3, padding: -1 }), RangeError, /padding.*-1/],
    [bad('conv2d', { filters: 8, kernelSize: 3, padding: 'full' }), TypeError, /'same' or 'valid'.*"full"/],
    [bad('conv2d', { filters: 8, kernelSize: 4, padding: 'same' }), RangeError, /odd number.*4/],
    [bad('conv2d', { filters: 8, kernelSize: 3, padding: 'same', strides: 2 }), RangeError, /strides.*2/],
    [bad('conv2d', { filters: 8, kernelSize: 3, stride: 2 }), TypeError, /'stride'.*'strides'/],
    [bad('conv2d', { filters: 8, kernelSize: 3, activation: 'rellu' }), RangeError, /'relu'/],
    [bad('dense', { units: 8, useBias: 1 }), TypeError, /^dense: .*useBias/],
    [bad('dense', { units: 8, weightsInitializer: 'heNormall' }), RangeError, /^dense: .*did you mean 'heNormal'/],
    [bad('dense', { units: 8, weightsInitializer: 'constant' }), TypeError, /needs its value/],
    [bad('dense', { units: 8, biasInitializer: 3 }), TypeError, /^dense: .*biasInitializer.*3/],
    [bad('dense', { unit: 8 }), TypeError, /'unit'.*'units'/],
    [bad('batchNorm', { epsilon: 0 }), RangeError, /^batchNorm: .*epsilon.*0/],
    [bad('batchNorm', { momentum: 1.5 }), RangeError, /^batchNorm: .*momentum.*1.5/],
    [bad('batchNorm', { center: true }), TypeError, /^batchNorm: unknown option 'center'/],
    [bad('batchNorm', { scale: 1 }), TypeError, /^batchNorm: .*scale.*1/],
    [bad('batchNorm', { activation: 'rellu' }), RangeError, /'relu'/],
    [bad('maxPool2d', { poolSize: 257 }), RangeError, /^maxPool2d: .*poolSize.*257/],
    [bad('averagePool2d', { strides: 0 }), RangeError, /^averagePool2d: .*strides.*0/],
    [bad('stochasticPool2d', 2), TypeError, /^stochasticPool2d: .*options.*2/],
    [bad('dropout', { rate: 1 }), RangeError, /^dropout: .*rate.*1/],
    [bad('dropout', {}), TypeError, /^dropout: .*rate.*undefined/],
    [bad('zeroPadding2d', { padding: 1.5 }), RangeError, /^zeroPadding2d: .*1.5/],
    [bad('globalAveragePool2d', { poolSize: 2 }), TypeError, /^globalAveragePool2d: unknown option 'poolSize'/],
    [bad('relu', { alpha: 1 }), TypeError, /^relu: unknown option 'alpha'/],
  ])('options %#', (make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});

describe('configuration', () => {
  it.each(layerKinds)('%s survives JSON', (kind) => {
    const layer = layerExamples[kind];
    expect(layer.kind).toBe(kind);
    const again = layerFromConfig(JSON.parse(JSON.stringify(toConfig(layer))));
    expect(toConfig(again)).toEqual(toConfig(layer));
    const x = inputOf(kind === 'dense' ? [6] : [6, 6, 2]);
    const plain = (layer: AnyLayer) =>
      buildLayers({ inputs: x, outputs: connect(kind === 'add' ? [x, x] : x, layer) }).map(
        ({ layer, parameters, ...built }) => ({
          ...built,
          parameters: parameters.map(({ initializer, ...spec }) => ({
            ...spec,
            initializer: JSON.stringify(initializer),
          })),
        }),
      );
    expect(plain(again)).toEqual(plain(layer));
  });

  it('fills defaults in', () => {
    expect(toConfig(conv2d({ filters: 2, kernelSize: 3 })).options).toEqual({
      filters: 2,
      kernelSize: 3,
      strides: 1,
      padding: 'valid',
      activation: 'linear',
      useBias: true,
      weightsInitializer: 'glorotUniform',
      biasInitializer: 'zeros',
    });
    expect(toConfig(maxPool2d({ poolSize: 3 })).options).toEqual({ poolSize: 3, strides: 3 });
  });

  it('of a network keeps what is connected to what', () => {
    const x = inputOf([6, 6, 2]);
    const a = connect(x, conv2d({ filters: 2, kernelSize: 1 }));
    const graph = { inputs: x, outputs: connect([connect(a, relu()), x, a], add(), layerExamples.residual, flatten()) };
    const config = graphToConfig(graph);
    expect(config.inputShape).toEqual([6, 6, 2]);
    expect(config.layers.map(({ kind, inputs }) => [kind, inputs])).toEqual([
      ['conv2d', [-1]],
      ['relu', [0]],
      ['add', [1, -1, 0]],
      ['residual', [2]],
      ['flatten', [3]],
    ]);
    const again = graphFromConfig(JSON.parse(JSON.stringify(config)));
    expect(graphToConfig(again)).toEqual(config);
    expect(buildLayers(again).map(({ label, inputs, outputShape }) => [label, inputs, outputShape])).toEqual(
      buildLayers(graph).map(({ label, inputs, outputShape }) => [label, inputs, outputShape]),
    );
  });

  it.each([
    [null, TypeError, /^network: .*inputShape, layers/],
    [{ inputShape: [3], layers: [] }, TypeError, /^network: .*a layer at least/],
    [{ inputShape: [3], layers: [{ kind: 'relu', options: {} }] }, TypeError, /layers\[0\]\.inputs.*undefined/],
    [{ inputShape: [3], layers: [{ kind: 'relu', options: {}, inputs: [0] }] }, RangeError, /layers\[0\]\.inputs.*0/],
    [{ inputShape: [3], layers: [{ kind: 'add', options: {}, inputs: [-1] }] }, TypeError, /add takes two/],
    [{ inputShape: [0], layers: [{ kind: 'relu', options: {}, inputs: [-1] }] }, RangeError, /^input: .*\[0\]/],
    [
      { inputShape: [3], layers: [{ kind: 'residual', options: { layers: 3 }, inputs: [-1] }] },
      TypeError,
      /^residual: .*layers.*3/,
    ],
  ])('of a network that is none %#', (config, kind, message) => {
    expect(() => graphFromConfig(config as never)).toThrow(kind);
    expect(() => graphFromConfig(config as never)).toThrow(message);
  });

  it('names the nearest kind', () => {
    expect(() => layerFromConfig({ kind: 'convd2', options: {} })).toThrow(/did you mean 'conv2d'/);
    expect(() => layerFromConfig(null as never)).toThrow(TypeError);
  });
});
