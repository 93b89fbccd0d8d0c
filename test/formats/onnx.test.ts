/** ONNX: what is written is read again, bit for bit; files of PyTorch's exporters give PyTorch's outputs; files that lie are refused by name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { exporters } from '../../lib/formats/onnx/exporters.js';
import { type ModelProto, ModelProtoSchema, type NodeProto } from '../../lib/formats/onnx/onnx_pb.js';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { layerKinds } from '../../lib/layers/registry.js';
import { type Model, sequential } from '../../lib/train/model.js';
import { fromOnnx, toOnnx } from '../../lib/train/onnx.js';
import { noise, onnxModels } from './onnx-networks.js';

const device = { device: 'reference' } as const;

test('every layer but the block is known', () => {
  expect(Object.keys(exporters).sort()).toEqual(layerKinds.filter((kind) => kind !== 'residual').sort());
});

test.each(onnxModels())('%s: written and read again, it predicts the same bits', async (_, net) => {
  const again = await fromOnnx(await toOnnx(net), device);
  const x = noise(net, 3);
  expect(await again.predict(x)).toEqual(await net.predict(x));
  expect([again.name, again.inputShape, again.outputShape]).toEqual([net.name, net.inputShape, net.outputShape]);
  const weightShapes = (of: Model) =>
    of.weights().flatMap(({ name, shape }) => (name.endsWith('.weights') ? [shape] : []));
  expect(weightShapes(again)).toEqual(weightShapes(net));
  const twice = await fromOnnx(await toOnnx(again), device);
  expect(twice.toJSON().layers).toEqual(again.toJSON().layers);
});

test('activations and options come back', async () => {
  const net = sequential({ inputShape: [8, 8, 1], ...device }, [
    conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'relu' }),
    batchNorm({ epsilon: 0.001, momentum: 0.99 }),
    maxPool2d({ poolSize: 3, strides: 2 }),
    dropout({ rate: 0.3 }),
    flatten(),
    dense({ units: 3, activation: 'softmax' }),
  ]);
  const { layers } = (await fromOnnx(await toOnnx(net), device)).toJSON();
  expect(layers.map(({ kind, options }) => [kind, options.activation])).toEqual([
    ['conv2d', 'relu'],
    ['batchNorm', 'linear'],
    ['maxPool2d', undefined],
    ['dropout', undefined],
    ['flatten', undefined],
    ['dense', 'softmax'],
  ]);
  expect(layers[0]!.options).toMatchObject({ filters: 2, kernelSize: 3, strides: 1, padding: 1, useBias: true });
  expect(layers[1]!.options).toMatchObject({ epsilon: 0.001, momentum: 0.99 });
  expect(layers[2]!.options).toEqual({ poolSize: 3, strides: 2 });
  expect(layers[3]!.options).toEqual({ rate: 0.3 });
});

interface Golden {
  readonly file: string;
  readonly x: number[];
  readonly inputShape: number[];
  readonly y: number[];
}
const golden: Record<string, Golden> = JSON.parse(readFileSync(join(__dirname, '../golden/pytorch-onnx.json'), 'utf8'));

test.each(Object.entries(golden))('%s of PyTorch: its outputs', async (_, { file, x, inputShape, y }) => {
  const net = await fromOnnx(Buffer.from(file, 'base64'), device);
  expect(net.inputShape).toEqual(inputShape);
  const outputs = await net.predict(Float32Array.from(x));
  expect(Math.max(...outputs.map((value, i) => Math.abs(value - y[i]!)))).toBeLessThan(1e-6);
  const again = await fromOnnx(await toOnnx(net), device);
  expect(await again.predict(Float32Array.from(x))).toEqual(outputs);
});

describe('a file that no layers here make up', () => {
  /** conv2d_1 (Conv, Relu), maxPool2d_1, flatten_1, dense_1 (Gemm), with something changed. */
  async function changed(
    change: (model: ModelProto, node: (name: string) => NodeProto) => unknown,
  ): Promise<Uint8Array> {
    const net = sequential({ inputShape: [6, 6, 2], ...device }, [
      ...[conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }), maxPool2d(), flatten(), dense({ units: 2 })],
    ]);
    const proto = fromBinary(ModelProtoSchema, await toOnnx(net));
    change(proto, (name) => proto.graph!.node.find((node) => node.name === name)!);
    return toBinary(ModelProtoSchema, proto);
  }
  const set = (node: NodeProto, name: string, change: object) =>
    Object.assign(node.attribute.find((entry) => entry.name === name)!, change);
  const tensor = ({ graph }: ModelProto, name: string) => graph!.initializer.find((entry) => entry.name === name)!;

  test.each<[string, Parameters<typeof changed>[0], string]>([
    [
      'has no graph',
      (m) => {
        m.graph = undefined;
      },
      'expected an ONNX file, with a graph',
    ],
    [
      'has operators of long ago',
      (m) => {
        m.opsetImport[0]!.version = 9n;
      },
      'expected operators of set 13 or later but received 9',
    ],
    [
      'has two inputs',
      (m) => {
        m.graph!.input.push(m.graph!.input[0]!);
      },
      'expected one input but received 2',
    ],
    [
      'has no output',
      (m) => {
        m.graph!.output = [];
      },
      'expected one output but received 0',
    ],
    [
      'has an output from nowhere',
      (m) => {
        m.graph!.output[0]!.name = 'y';
      },
      'nothing makes the output "y"',
    ],
    [
      'has inputs of any size',
      (m) => {
        m.graph!.input[0]!.type!.tensorType!.shape!.dim[1]!.value = { case: 'dimParam', value: 'h' };
      },
      'expected fixed sizes behind the first',
    ],
    [
      'gives its input back',
      (m) => {
        m.graph!.output[0]!.name = 'input';
      },
      'expected a layer at least',
    ],
    [
      'has an unknown operator',
      (_, node) => {
        node('maxPool2d_1').opType = 'MaxPol';
      },
      'node "maxPool2d_1" ("MaxPol"): no layer here does that (did you mean MaxPool?)',
    ],
    [
      'has an operator of every object',
      (_, node) => {
        node('maxPool2d_1').opType = 'toString';
      },
      'node "maxPool2d_1" ("toString"): no layer here does that',
    ],
    [
      'has an unknown attribute',
      (_, node) => {
        node('flatten_1').attribute[0]!.name = 'axes';
      },
      'node "flatten_1" ("Flatten"): the attribute "axes" is not known',
    ],
    [
      'has an attribute of another type',
      (_, node) => {
        set(node('conv2d_1'), 'pads', { type: 3 });
      },
      'node "conv2d_1" ("Conv"): expected another type for pads',
    ],
    [
      'has windows that are not square',
      (_, node) => {
        set(node('maxPool2d_1'), 'kernel_shape', { ints: [2n, 3n] });
      },
      'expected one number for all of kernel_shape but received [2, 3]',
    ],
    [
      'has a border on one side',
      (_, node) => {
        set(node('conv2d_1'), 'pads', { ints: [0n, 0n, 1n, 1n] });
      },
      'expected one number for all of pads',
    ],
    [
      'has a huge step',
      (_, node) => {
        set(node('conv2d_1'), 'strides', { ints: [2n ** 60n, 2n ** 60n] });
      },
      'expected a smaller whole number for strides',
    ],
    [
      'has a step of 0',
      (_, node) => {
        set(node('conv2d_1'), 'strides', { ints: [0n, 0n] });
      },
      'expected a positive integer for strides',
    ],
    [
      'has a window larger than the image',
      (_, node) => {
        set(node('maxPool2d_1'), 'kernel_shape', { ints: [9n, 9n] });
      },
      'node "maxPool2d_1" ("MaxPool"): maxPool2d: expected images of at least 9 x 9',
    ],
    [
      'has a cycle',
      (_, node) => {
        node('conv2d_1').input[0] = 'dense_1';
      },
      'node "conv2d_1" ("Conv"): nothing before it makes its input "dense_1"',
    ],
    [
      'makes a tensor twice',
      (_, node) => {
        node('dense_1').output[0] = 'flatten_1';
      },
      '"flatten_1" was made before',
    ],
    [
      'has a node without inputs',
      (_, node) => {
        node('maxPool2d_1').input = [];
      },
      'nothing before it makes its input ""',
    ],
    [
      'lacks its filters',
      (_, node) => {
        node('conv2d_1').input.length = 1;
      },
      'expected constants of floats for the filters',
    ],
    [
      'has other filters',
      (m) => {
        tensor(m, 'conv2d_1.weights').dims = [2n, 3n, 3n, 3n];
      },
      'expected square filters [out, 2, size, size] but received [2, 3, 3, 3]',
    ],
    [
      'has too short a bias',
      (m) => {
        Object.assign(tensor(m, 'conv2d_1.bias'), { dims: [2n], rawData: new Uint8Array(8) });
      },
      'conv2d: expected 3 values for bias [3] but received 2',
    ],
    [
      'has a matrix of other rows',
      (m) => {
        tensor(m, 'dense_1.weights').dims = [6n, 4n];
      },
      'expected a matrix of 12 rows but received [6, 4]',
    ],
    [
      'has a tensor of huge size',
      (m) => {
        tensor(m, 'dense_1.weights').dims = [2n ** 31n, 2n ** 31n];
      },
      'tensor "dense_1.weights": expected 4611686018427388000 values',
    ],
    [
      'has a tensor of negative size',
      (m) => {
        tensor(m, 'dense_1.bias').dims = [-2n];
      },
      'tensor "dense_1.bias": expected sizes >= 0',
    ],
    [
      'has a tensor of text',
      (m) => {
        tensor(m, 'dense_1.bias').dataType = 8;
      },
      'expected float, float16, double or int64 but received type 8',
    ],
    [
      'has a tensor elsewhere',
      (m) => {
        tensor(m, 'dense_1.bias').dataLocation = 1;
      },
      'tensor "dense_1.bias": its values are in another file',
    ],
    [
      'flattens in part',
      (_, node) => {
        set(node('flatten_1'), 'axis', { i: 2n });
      },
      'expected 1 for axis',
    ],
    [
      'turns the image',
      (_, node) => {
        set(node('input.channelsFirst'), 'perm', { ints: [0n, 3n, 2n, 1n] });
      },
      'expected the channels to go from the first place',
    ],
  ])('that %s: ERR_FORMAT', async (_, change, message) => {
    const error = await fromOnnx(await changed(change), device).catch((e) => e);
    expect([error.name, error.code]).toEqual(['SteepestError', 'ERR_FORMAT']);
    expect(error.message).toMatch(/^fromOnnx: Uint8Array\(\d+\): /);
    expect(error.message).toContain(message);
  });

  test('is of other bytes, empty, or no file', async () => {
    await expect(fromOnnx(Buffer.from('hello'))).rejects.toThrow('expected an ONNX file but received other bytes: ');
    await expect(fromOnnx(new Uint8Array(0))).rejects.toThrow('expected an ONNX file, with a graph');
    await expect(fromOnnx('none.onnx')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(fromOnnx('none.onnx', { devise: 1 } as never)).rejects.toThrow("did you mean 'device'?");
  });
});

describe('a file that costs far more to read than it has bytes', () => {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  /** A field of bytes, or of a message. */
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
  const [GRAPH, NODE, ATTRIBUTE, INTS, INITIALIZER, INT64_DATA] = [7, 1, 5, 8, 5, 7];
  const many = 3 << 20;

  test.each([
    ['nodes', Buffer.alloc(2 * many, Buffer.from([(NODE << 3) | 2, 0]))],
    ['whole numbers, in a row', field(NODE, field(ATTRIBUTE, field(INTS, new Uint8Array(many))))],
    ['whole numbers, one by one', field(NODE, field(ATTRIBUTE, Buffer.alloc(2 * many, Buffer.from([INTS << 3, 0]))))],
    ['values', field(INITIALIZER, field(INT64_DATA, new Uint8Array(many).fill(0x01)))],
  ])('is refused before it is read: %s', async (_, graph) => {
    const error = await fromOnnx(field(GRAPH, graph)).catch((e) => e);
    expect(error.code).toBe('ERR_FORMAT');
    expect(error.message).toContain('at most 1,048,576 fields and whole numbers');
  });
});

test('a layer of one’s own cannot be written', async () => {
  const own = {
    kind: 'own',
    options: {},
    build: (shape: readonly number[]) => ({ outputShape: shape, parameters: [] }),
    apply: (x: never) => x,
  };
  await expect(toOnnx(sequential({ inputShape: [3], ...device }, [own]))).rejects.toMatchObject({ code: 'ERR_FORMAT' });
});
