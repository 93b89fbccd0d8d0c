import { describe, expect, it } from 'vitest';
import { input, parameter } from '../../lib/graph/tensor.js';
import { applyLayers, buildLayers, sequence } from '../../lib/layers/graph.js';
import type { Network } from '../../lib/models/network.js';
import { networkFrom, networkNames } from '../../lib/models/networks.js';

/** Builds the layers one after the other: the sizes between them, and how many parameters there are. */
function build({ inputShape, layers }: Network) {
  const built = buildLayers(sequence(inputShape, layers));
  const parameters = built.flatMap((layer) => layer.parameters);
  const weights = parameters.map((p) => parameter(p.name, p.shape));
  const y = applyLayers(built, input('x', ['N', ...inputShape]), weights, { training: true, seed: 1 });
  expect(y.shape).toEqual(['N', ...built.at(-1)!.outputShape]);
  const trained = parameters.filter(({ trainable }) => trainable !== false);
  const count = trained.reduce((sum, { shape }) => sum + shape.reduce((product, d) => product * d, 1), 0);
  return { built, shapes: built.map(({ outputShape }) => outputShape.join('x')), count };
}

describe('named networks', () => {
  it.each([
    ['mlp', [28, 28, 1], 669_706, '784 512 512 10'],
    ['lenet', [28, 28, 1], 454_922, '28x28x32 14x14x32 14x14x64 7x7x64 3136 128 10'],
    ['mnist-fast', [28, 28, 1], 217_706, '24x24x32 12x12x32 10x10x32 5x5x32 800 256 10'],
    ['cnn4', [32, 32, 3], 68_106, '32x32x32 16x16x32 16x16x64 8x8x64 8x8x64 4x4x64 1024 10'],
    [
      'vgg11',
      [32, 32, 3],
      9_225_610,
      '32x32x64 16x16x64 16x16x128 8x8x128 8x8x256 8x8x256 4x4x256 4x4x512 4x4x512 2x2x512 2x2x512 2x2x512 1x1x512 512 10',
    ],
  ] as const)('%s: shapes and parameters', (name, inputShape, parameters, sizes) => {
    const network = networkFrom(name);
    expect([network.name, network.inputShape, network.classes]).toEqual([name, inputShape, 10]);
    const { shapes, count } = build(network);
    expect(shapes.join(' ')).toBe(sizes);
    expect(count).toBe(parameters);
  });

  it('resnet18: eight blocks, three of them with a projection', () => {
    const network = networkFrom('resnet18');
    expect([network.name, network.inputShape, network.classes]).toEqual(['resnet18', [32, 32, 3], 10]);
    const { built, count } = build(network);
    expect(count).toBe(11_173_962);
    const convolutions = built.filter(({ layer: { kind } }) => kind === 'conv2d');
    expect(convolutions.map(({ outputShape }) => outputShape.join('x')).join(' ')).toBe(
      [
        ...new Array(5).fill('32x32x64'),
        ...new Array(5).fill('16x16x128'),
        ...new Array(5).fill('8x8x256'),
        ...new Array(5).fill('4x4x512'),
      ].join(' '),
    );
    const projections = convolutions.filter(({ layer: { options } }) => options.kernelSize === 1);
    expect(projections.map(({ label, layer: { options } }) => [label, options.strides])).toEqual([
      ['residual_3.conv2d_3', 2],
      ['residual_5.conv2d_3', 2],
      ['residual_7.conv2d_3', 2],
    ]);
    for (const { label, inputs } of built.filter(({ layer: { kind } }) => kind === 'batchNorm'))
      expect(built[inputs[0]!]!.layer.kind, label).toBe('conv2d');
    expect(built.filter(({ layer: { kind } }) => kind === 'batchNorm')).toHaveLength(20);
    expect(built.slice(-3).map(({ label, outputShape }) => [label, outputShape])).toEqual([
      ['residual_8.relu_1', [4, 4, 512]],
      ['globalAveragePool2d_1', [512]],
      ['dense_1', [10]],
    ]);
  });

  it.each(networkNames)('%s: other images and classes', (name) => {
    const { shapes } = build(networkFrom(name, { inputShape: [40, 32, 2], classes: 7 }));
    expect(shapes.at(-1)).toBe('7');
  });

  it.each([
    [() => networkFrom('lennet' as never), RangeError, /did you mean 'lenet'/],
    [() => networkFrom(undefined as never), TypeError, /undefined/],
    [() => networkFrom('mlp', { classes: 0 }), RangeError, /^mlp: .*classes.*0/],
    [() => networkFrom('mlp', { inputShape: [784] }), RangeError, /^mlp: .*\[784\]/],
    [() => networkFrom('cnn4', { inputShape: 32 } as never), TypeError, /^cnn4: .*inputShape.*32/],
    [() => networkFrom('cnn4', { clases: 3 } as never), TypeError, /'clases'.*'classes'/],
  ])('wrong use %#', (make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  it('vgg11 needs 32 x 32', () => {
    expect(() => build(networkFrom('vgg11', { inputShape: [28, 28, 1] }))).toThrow(/^maxPool2d_5: .*\[1, 1, 512\]/);
  });
});
