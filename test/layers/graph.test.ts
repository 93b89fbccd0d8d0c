import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/graph/grad.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { elements, parameter, type Tensor, input as tensor } from '../../lib/graph/tensor.js';
import { add } from '../../lib/layers/add.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { globalAveragePool2d } from '../../lib/layers/global-average-pool2d.js';
import { applyLayers, type BuiltLayer, buildLayers, connect, input, sequence } from '../../lib/layers/graph.js';
import type { AnyLayer, Layer } from '../../lib/layers/layer.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { relu } from '../../lib/layers/relu.js';
import { residual } from '../../lib/layers/residual.js';
import { compute } from '../../lib/plan/compute.js';
import { checkDerivatives } from '../graph/derivatives.js';

const names = (built: readonly BuiltLayer[]) => built.map(({ label }) => label);
const shapes = (built: readonly BuiltLayer[]) => built.map(({ outputShape }) => outputShape.join('x'));
const chainOf = (inputShape: number[], ...layers: AnyLayer[]) => buildLayers(sequence(inputShape, layers));
const weightsOf = (built: readonly BuiltLayer[]) =>
  built.flatMap(({ label, parameters }) => parameters.map(({ name, shape }) => parameter(`${label}.${name}`, shape)));
const context = { training: true, seed: 3 };
const wrongShape = expect.objectContaining({ code: 'ERR_SHAPE' });

describe('layers in a row', () => {
  it('are numbered by kind and read the one before', () => {
    const built = chainOf([4], dense({ units: 3 }), relu(), dense({ units: 2 }));
    expect(names(built)).toEqual(['dense_1', 'relu_1', 'dense_2']);
    expect(built.map(({ inputs }) => inputs)).toEqual([[-1], [0], [1]]);
    expect(built.map(({ first }) => first)).toEqual([0, 2, 2]);
  });

  it('may be very many', () => {
    expect(chainOf([4], ...Array.from({ length: 10_000 }, () => relu()))).toHaveLength(10_000);
  });

  it('must keep what they promise', () => {
    const broken: Layer = { ...relu(), kind: 'broken', build: () => ({ outputShape: [5], parameters: [] }) };
    const built = chainOf([4], broken);
    expect(() => applyLayers(built, tensor('x', ['N', 4]), [], context)).toThrow(
      /^broken_1: promised.*\[5\].*\[N, 4\]/,
    );
  });
});

describe('layers connected in other ways', () => {
  const x = input([4, 4, 2]);
  const a = connect(x, conv2d({ filters: 3, kernelSize: 1 }), relu());
  const b = connect(a, conv2d({ filters: 3, kernelSize: 3, padding: 'same' }));
  const outputs = connect([a, b, a], add(), globalAveragePool2d(), dense({ units: 2 }));

  it('come after what they read, each once', () => {
    const built = buildLayers({ inputs: x, outputs });
    expect(names(built)).toEqual(['conv2d_1', 'relu_1', 'conv2d_2', 'add_1', 'globalAveragePool2d_1', 'dense_1']);
    expect(built.map(({ inputs }) => inputs)).toEqual([[-1], [0], [1], [1, 2, 1], [3], [4]]);
    expect(shapes(built)).toEqual(['4x4x3', '4x4x3', '4x4x3', '4x4x3', '3', '2']);
  });

  it('leave out what the output does not need', () => {
    expect(names(buildLayers({ inputs: x, outputs: a }))).toEqual(['conv2d_1', 'relu_1']);
  });

  it('add up, forwards and backwards', async () => {
    const from = input([2]);
    const h = connect(from, dense({ units: 2, useBias: false }));
    const built = buildLayers({ inputs: from, outputs: connect([h, from, h], add()) });
    const [w] = weightsOf(built);
    const t = tensor('x', ['N', 2]);
    const y = applyLayers(built, t, [w!], context);
    const feeds = [
      [t, [1, 10]],
      [w!, [1, 2, 3, 4]],
    ] as const;
    expect((await compute([y], feeds)).map((v) => [...v])).toEqual([[31 + 1 + 31, 42 + 10 + 42]]);
    expect((await compute(grad(sum(y), [t, w!]), feeds)).map((v) => [...v])).toEqual([
      [2 * (1 + 2) + 1, 2 * (3 + 4) + 1],
      [2, 2, 20, 20],
    ]);
  });

  it('that draw random numbers draw others at each place', async () => {
    const from = input([200]);
    const layer = dropout({ rate: 0.5 });
    const built = buildLayers({ inputs: from, outputs: connect([connect(from, layer), connect(from, layer)], add()) });
    const t = tensor('x', ['N', 200]);
    const [y] = await compute([applyLayers(built, t, [], context)], [[t, new Array(200).fill(1)]]);
    expect(new Set(y)).toEqual(new Set([0, 2, 4]));
  });

  it.each([
    [() => connect([a, x], add()), /^add_1: .*\[4, 4, 3\] and \[4, 4, 2\]/],
    [() => connect(b, dense({ units: 3 })), /^dense_1: .*\[4, 4, 3\]/],
  ])('that do not fit %#', (make, message) => {
    const build = () => buildLayers({ inputs: x, outputs: make() });
    expect(build).toThrow(wrongShape);
    expect(build).toThrow(message);
  });

  it.each([
    [() => connect(3 as never, relu()), /^connect: .*input\(\).*3/],
    [() => connect([x, undefined as never], add()), /^connect: .*undefined/],
    [() => connect(x, 'relu' as never), /^connect: .*a layer for layers\[0\].*"relu"/],
    [() => connect(x, add()), /^connect: add takes two inputs or more.*1$/],
    [() => connect([a, x], relu()), /^connect: relu takes one input.*2$/],
    [() => connect([a, x]), /^connect: expected a layer that merges 2 inputs/],
    [() => connect([a, x], add(), add()), /^connect: add takes two/],
    [() => sequence([4], [relu(), add()]), /^sequential: add takes two/],
    [() => sequence([4], relu() as never), /^sequential: .*array of layers/],
    [() => input(4 as never), /^input: .*array of sizes.*4/],
    [() => add({ axis: 1 } as never), /^add: unknown option 'axis'/],
    [() => buildLayers({ inputs: input([4, 4, 2]), outputs: a }), /^model: .*not in inputs/],
  ])('wrong use %#', (make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
  it('an input shape with a size of 0', () => expect(() => input([4, 0])).toThrow(wrongShape));
});

describe('residual', () => {
  const basic = (filters: number, strides: number) =>
    residual(
      [
        conv2d({ filters, kernelSize: 3, strides, padding: 1, activation: 'relu' }),
        conv2d({ filters, kernelSize: 3, padding: 'same' }),
      ],
      { activation: 'relu', ...(strides > 1 && { shortcut: [conv2d({ filters, kernelSize: 1, strides })] }) },
    );

  it('is taken apart, named within', () => {
    const built = chainOf([6, 6, 2], basic(2, 1), basic(4, 2), conv2d({ filters: 1, kernelSize: 1 }));
    expect(names(built)).toEqual([
      ...['residual_1.conv2d_1', 'residual_1.conv2d_2', 'residual_1.add_1', 'residual_1.relu_1'],
      ...['residual_2.conv2d_1', 'residual_2.conv2d_2', 'residual_2.conv2d_3', 'residual_2.add_1', 'residual_2.relu_1'],
      'conv2d_1',
    ]);
    expect(built.map(({ inputs }) => inputs)).toEqual([[-1], [0], [1, -1], [2], [3], [4], [3], [5, 6], [7], [8]]);
    expect(shapes(built).slice(3, 9)).toEqual(['6x6x2', '3x3x4', '3x3x4', '3x3x4', '3x3x4', '3x3x4']);
    expect(weightsOf(built).map(({ node }) => node.label)).toContain('residual_2.conv2d_3.weights');
  });

  it('may stand in itself', () => {
    const built = chainOf([3], residual([residual([dense({ units: 3 })]), relu()], { shortcut: [residual([relu()])] }));
    expect(names(built)).toEqual([
      ...['residual_1.residual_1.dense_1', 'residual_1.residual_1.add_1', 'residual_1.relu_1'],
      ...['residual_1.residual_2.relu_1', 'residual_1.residual_2.add_1', 'residual_1.add_1'],
    ]);
  });

  it('is activation(F(x) + shortcut(x))', async () => {
    const block = (activation: 'relu' | 'linear', shortcut: AnyLayer[] = []) =>
      chainOf([2], residual([dense({ units: 2, useBias: false })], { activation, shortcut }));
    const t = tensor('x', ['N', 2]);
    const run = async (built: readonly BuiltLayer[], ...values: number[][]) => {
      const weights = weightsOf(built);
      const feeds: [Tensor, number[]][] = [
        [t, [1, -10]],
        ...weights.map((w, i): [Tensor, number[]] => [w, values[i]!]),
      ];
      return [...(await compute([applyLayers(built, t, weights, context)], feeds))[0]!];
    };
    expect(await run(block('linear'), [1, 2, 3, 4])).toEqual([1 - 30 + 1, 2 - 40 - 10]);
    expect(await run(block('relu'), [1, 2, -3, 4])).toEqual([1 + 30 + 1, 0]);
    const shortcut = [dense({ units: 2 })];
    expect(await run(block('linear', shortcut), [1, 2, 3, 4], [2, 0, 0, 2], [0.5, 0.25])).toEqual([-26.5, -57.75]);
  });

  it('has the derivatives of what it is: a strided projection, by the input and every parameter', async () => {
    const built = chainOf([5, 4, 2], basic(3, 2));
    const specs = built.flatMap(({ parameters }) => parameters.map(({ shape }) => shape));
    expect(specs.map((shape) => elements(shape).fixed)).toEqual([54, 3, 81, 3, 6, 3]);
    await checkDerivatives({
      name: 'residual',
      shapes: [['N', 5, 4, 2], ...specs],
      build: (x, ...parameters) => applyLayers(built, x!, parameters, context),
      second: false,
    });
  });

  it('names itself where the shapes differ', () => {
    const build = () => chainOf([6, 6, 2], residual([maxPool2d()]));
    expect(build).toThrow(wrongShape);
    expect(build).toThrow(/^residual_1.add_1: .*\[3, 3, 2\] and \[6, 6, 2\]/);
    expect(() => chainOf([6, 6, 2], residual([dense({ units: 3 })]))).toThrow(/^residual_1.dense_1: .*\[6, 6, 2\]/);
  });

  it.each([
    [() => residual(undefined as never), TypeError, /^residual: .*array of layers for layers/],
    [() => residual([relu(), 3 as never]), TypeError, /^residual: .*layers\[1\].*3/],
    [() => residual([]), RangeError, /^residual: .*at least one layer/],
    [() => residual([relu()], { shortcut: relu() as never }), TypeError, /^residual: .*shortcut/],
    [() => residual([relu()], { shortcut: [null as never] }), TypeError, /^residual: shortcut: .*layers\[0\].*null/],
    [() => residual([relu()], { activation: 'rellu' as never }), RangeError, /^residual: .*'relu'/],
    [() => residual([relu()], { shortcuts: [] } as never), TypeError, /'shortcuts'.*'shortcut'/],
    [() => residual([add()]), TypeError, /^residual: add takes two/],
  ])('wrong use %#', (make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});
