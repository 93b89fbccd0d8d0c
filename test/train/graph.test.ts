/** Models that are no chains: residual blocks, and layers connected by hand. */
import { describe, expect, test } from 'vitest';
import { add } from '../../lib/layers/add.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { globalAveragePool2d } from '../../lib/layers/global-average-pool2d.js';
import { connect, input } from '../../lib/layers/graph.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { graphFromConfig, graphToConfig } from '../../lib/layers/registry.js';
import { relu } from '../../lib/layers/relu.js';
import { residual } from '../../lib/layers/residual.js';
import { adam } from '../../lib/optimizers/adam.js';
import { type Model, type ModelOptions, model, sequential } from '../../lib/train/model.js';
import { clusters, hasCpu } from './tiny.js';

const images = { x: clusters(160, 64).x, y: clusters(160, 4).y };
const few = { x: images.x.subarray(0, 40 * 64), y: images.y.subarray(0, 40) };
type Options = Partial<ModelOptions>;

/** 8 x 8 images: an identity shortcut, then one with a strided projection. */
function resnet(options: Options = {}): Model {
  const conv = (filters: number, strides = 1) => conv2d({ filters, kernelSize: 3, strides, padding: 1 });
  return sequential({ inputShape: [8, 8, 1], seed: 1, device: 'reference', ...options }, [
    residual([conv(4), relu(), conv(1)], { activation: 'relu' }),
    residual([conv(6, 2), relu(), conv(6)], {
      shortcut: [conv2d({ filters: 6, kernelSize: 1, strides: 2, useBias: false })],
      activation: 'relu',
    }),
    globalAveragePool2d(),
    dense({ units: 3 }),
  ]);
}

/** Two ways that meet, one of them read twice. */
function connected(options: Options = {}): Model {
  const x = input([8, 8, 1]);
  const a = connect(x, conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'relu' }), maxPool2d());
  const b = connect(a, conv2d({ filters: 2, kernelSize: 3, padding: 'same' }));
  const outputs = connect([b, a, connect(x, conv2d({ filters: 2, kernelSize: 1, strides: 2 }))], add(), relu());
  return model({
    inputs: x,
    outputs: connect(outputs, flatten(), dense({ units: 3 })),
    seed: 1,
    device: 'reference',
    ...options,
  });
}

const ways = [
  ['residual', resnet],
  ['connected', connected],
] as const;

async function losses(net: Model, data = few, epochs = 3, learningRate = 1e-3): Promise<number[]> {
  const seen: number[] = [];
  for await (const record of net.fit(data, {
    epochs,
    batchSize: 16,
    every: 'batch',
    optimizer: adam({ learningRate }),
  }))
    if (record.kind === 'batch') seen.push(record.loss);
  return seen;
}

describe.each(ways)('%s', (_, make) => {
  test('learns', async () => {
    const net = make({ device: hasCpu() ? 'cpu' : 'reference' });
    const seen = await losses(net, images, 10, 0.03);
    expect(seen.at(-1)!).toBeLessThan(0.6 * seen[0]!);
  });

  test.skipIf(!hasCpu())('nine steps on the cpu lose as on the reference', async () => {
    const [reference, cpu] = [await losses(make()), await losses(make({ device: 'cpu' }))];
    expect(cpu).toHaveLength(9);
    for (const [i, loss] of cpu.entries()) expect(Math.abs(loss / reference[i]! - 1)).toBeLessThan(1e-4);
  });

  test.skipIf(!hasCpu())('one, two and three threads give bit-equal losses and weights', async () => {
    const models = [1, 2, 3].map((threads) => make({ device: 'cpu', threads }));
    const all = await Promise.all(models.map((net) => losses(net)));
    for (const other of all.slice(1)) expect(other).toEqual(all[0]);
    for (const other of models.slice(1)) expect(other.weights()).toEqual(models[0]!.weights());
  });

  test('made again of its JSON form, it takes its weights and predicts the same', async () => {
    const net = make();
    const { inputs, outputs } = graphFromConfig(JSON.parse(JSON.stringify(graphToConfig(net.graph))));
    const again = model({ inputs, outputs, seed: 9, device: 'reference' });
    expect(await again.predict(few.x)).not.toEqual(await net.predict(few.x));
    again.setWeights(net.weights());
    expect(again.weights()).toEqual(net.weights());
    expect(await again.predict(few.x)).toEqual(await net.predict(few.x));
  });
});

test('parameters are named within their block', () => {
  expect(
    resnet()
      .weights()
      .map(({ name, shape }) => `${name} ${shape.join('x')}`),
  ).toEqual([
    'residual_1.conv2d_1.weights 3x3x1x4',
    'residual_1.conv2d_1.bias 4',
    'residual_1.conv2d_2.weights 3x3x4x1',
    'residual_1.conv2d_2.bias 1',
    'residual_2.conv2d_1.weights 3x3x1x6',
    'residual_2.conv2d_1.bias 6',
    'residual_2.conv2d_2.weights 3x3x6x6',
    'residual_2.conv2d_2.bias 6',
    'residual_2.conv2d_3.weights 1x1x1x6',
    'dense_1.weights 6x3',
    'dense_1.bias 3',
  ]);
});

test('the summary shows what is inside, and what reads other layers than the one before', () => {
  expect(resnet().summary().split('\n').slice(3, -2)).toEqual([
    'input                  [8, 8, 1]',
    'residual_1.conv2d_1    [8, 8, 4]          40  weights [3, 3, 1, 4], bias [4]',
    'residual_1.relu_1      [8, 8, 4]           0',
    'residual_1.conv2d_2    [8, 8, 1]          37  weights [3, 3, 4, 1], bias [1]',
    'residual_1.add_1       [8, 8, 1]           0  of residual_1.conv2d_2, input',
    'residual_1.relu_2      [8, 8, 1]           0',
    'residual_2.conv2d_1    [4, 4, 6]          60  weights [3, 3, 1, 6], bias [6]',
    'residual_2.relu_1      [4, 4, 6]           0',
    'residual_2.conv2d_2    [4, 4, 6]         330  weights [3, 3, 6, 6], bias [6]',
    'residual_2.conv2d_3    [4, 4, 6]           6  of residual_1.relu_2, weights [1, 1, 1, 6]',
    'residual_2.add_1       [4, 4, 6]           0  of residual_2.conv2d_2, residual_2.conv2d_3',
    'residual_2.relu_2      [4, 4, 6]           0',
    'globalAveragePool2d_1  [6]                 0',
    'dense_1                [3]                21  weights [6, 3], bias [3]',
  ]);
  expect(connected().summary()).toMatch(/conv2d_3 .* of input, weights/);
});

test('the plan names layers within their block, backwards too', () => {
  const { plan } = resnet().plan();
  const of = (kernel: string) => plan.calls.filter((call) => call.kernel === kernel).map(({ label }) => label);
  expect(of('conv2d_backward_filter').sort()).toEqual([
    ...['residual_1.conv2d_1', 'residual_1.conv2d_2'],
    ...['residual_2.conv2d_1', 'residual_2.conv2d_2', 'residual_2.conv2d_3'],
  ]);
  expect(of('global_average_pool2d_backward')).toEqual(['globalAveragePool2d_1']);
});

test('layers are listed as they were connected, blocks in one piece', () => {
  expect(resnet().layers.map(({ kind }) => kind)).toEqual(['residual', 'residual', 'globalAveragePool2d', 'dense']);
  expect(connected().layers.map(({ kind }) => kind)).toEqual([
    ...['conv2d', 'maxPool2d', 'conv2d', 'conv2d', 'add', 'relu', 'flatten', 'dense'],
  ]);
  expect(connected().name).toBe('model');
});

test.each([
  [{ inputs: input([3]), outputs: 3 }, /^model: .*connect\(\) made for outputs.*3/],
  [{ inputs: [3], outputs: connect(input([3]), relu()) }, /^model: .*input\(\) made for inputs/],
  [{ inputs: connect(input([3]), relu()), outputs: connect(input([3]), relu()) }, /^model: .*for inputs/],
  [{ inputs: input([3]), outputs: input([3]) }, /^model: .*for outputs/],
  [{ inputs: input([3]), outputs: connect(input([3]), relu()) }, /^model: .*not in inputs/],
  [{ input: input([3]) }, /^model: unknown option 'input'.*'inputs'/],
  [undefined, /^model: .*options/],
])('wrong use %#', (options, message) => {
  expect(() => model(options as never)).toThrow(TypeError);
  expect(() => model(options as never)).toThrow(message);
});
