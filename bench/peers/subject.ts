/**
 * What is compared: a network of steepest's with its first weights, and a batch. It goes to the rivals as files in a folder:
 *
 *     network.json                                layers and what to do with them
 *     parameters.bin x.bin                        float32, in steepest's orders (those of tfjs too)
 *     parameters.torch.bin x.torch.bin            float32, in PyTorch's
 *     labels.bin                                  int32
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltLayer } from '../../lib/layers/graph.js';
import type { AnyLayer } from '../../lib/layers/layer.js';
import type { Network } from '../../lib/train/network.js';
import { imagesToTorch, parametersToTorch } from './layout.js';
import { denseSizes, type Mode, type PeerDevice, type PeerPrecision, usualBatch } from './options.js';

export const LEARNING_RATE = 1e-3;
export const MOMENTUM = 0.9;
const SEED = 1;

/** The parts of the built package that the bench uses; its types are those of the sources. */
export const root = join(__dirname, '..', '..', '..');
const built = (path: string) => require(join(root, 'dist', path));
export const steepest = {
  binding: () => built('binding.js') as typeof import('../../lib/binding.js'),
  kernels: () => built('backends/kernels.js') as typeof import('../../lib/backends/kernels.js'),
  device: () => built('train/device.js') as typeof import('../../lib/train/device.js'),
  network: () => built('train/network.js') as typeof import('../../lib/train/network.js'),
  compile: () => built('plan/compile.js') as typeof import('../../lib/plan/compile.js'),
  program: () => built('train/program.js') as typeof import('../../lib/train/program.js'),
  objective: () => built('train/objective.js') as typeof import('../../lib/train/objective.js'),
  graph: () => built('layers/graph.js') as typeof import('../../lib/layers/graph.js'),
  networks: () => built('models/networks.js') as typeof import('../../lib/models/networks.js'),
  dense: () => built('layers/dense.js') as typeof import('../../lib/layers/dense.js'),
  losses: () => built('losses/registry.js') as typeof import('../../lib/losses/registry.js'),
  momentum: () => built('optimizers/momentum.js') as typeof import('../../lib/optimizers/momentum.js'),
  fit: () => built('train/fit.js') as typeof import('../../lib/train/fit.js'),
  order: () => built('train/order.js') as typeof import('../../lib/train/order.js'),
  cifar10: () => built('data/cifar10.js') as typeof import('../../lib/data/cifar10.js'),
  random: () => built('random.js') as typeof import('../../lib/random.js'),
};

export interface Subject {
  readonly model: string;
  readonly mode: Mode;
  readonly batch: number;
  readonly network: Network;
  /** squaredError where there is one output: its cross-entropy is 0 whatever it is. */
  readonly loss: 'softmaxCrossEntropy' | 'squaredError';
  /** [batch, ...inputShape], normal numbers. */
  readonly x: Float32Array;
  readonly labels: Int32Array;
}

export interface SubjectOptions {
  readonly model: string;
  readonly mode: Mode;
  /** 0: the usual one. */
  readonly batch: number;
  readonly device: PeerDevice;
  readonly threads: number;
  /** Default 'fp32'. */
  readonly precision?: PeerPrecision;
}

export function makeSubject({ model, mode, batch: asked, device, threads, precision }: SubjectOptions): Subject {
  const batch = asked || usualBatch(model);
  const { inputShape, layers } = networkOf(model);
  const { backend } = steepest.device().chooseDevice('bench', { device, threads, precision });
  if (backend.name !== device.split(':')[0])
    throw new Error(`asked for the device ${device} but received ${backend.description}`);
  const network = new (steepest.network().Network)(model, backend, SEED, steepest.graph().sequence(inputShape, layers));
  const random = new (steepest.random().RandomStream)(SEED, 0x70656572);
  const x = Float32Array.from({ length: batch * inputShape.reduce((a, b) => a * b, 1) }, () => random.normal());
  const labels = Int32Array.from({ length: batch }, () => random.below(Math.max(network.outputs, 2)));
  return { model, mode, batch, network, x, labels, loss: network.outputs > 1 ? 'softmaxCrossEntropy' : 'squaredError' };
}

export function networkOf(model: string): { inputShape: readonly number[]; layers: readonly AnyLayer[] } {
  const sizes = denseSizes(model);
  if (sizes === undefined) return steepest.networks().networkFrom(model as 'lenet');
  const { dense } = steepest.dense();
  const last = sizes.length - 2;
  const layers = sizes.slice(1).map((units, i) => dense({ units, activation: i === last ? 'linear' : 'relu' }));
  return { inputShape: sizes.slice(0, 1), layers };
}

/** A copy of a network's parameters, an array each. */
export function parametersOf({ parameters, layout, theta }: Network): Float32Array[] {
  return parameters.map(({ shape }, i) => {
    const values = new Float32Array((shape as number[]).reduce((a, b) => a * b, 1));
    theta.read(values, layout.offsets[i]!);
    return values;
  });
}

/** Layers as they are told to a rival, each with its padding as a number. */
export function listed(built: readonly Pick<BuiltLayer, 'layer' | 'inputs' | 'outputShape'>[]) {
  return built.map(({ layer: { kind, options }, inputs, outputShape }) => {
    const padding = options.padding === 'same' ? ((options.kernelSize as number) - 1) / 2 : options.padding;
    return { kind, options, inputs, outputShape, padding: typeof padding === 'number' ? padding : 0 };
  });
}

/** Puts the files of a subject into a folder. */
export function writeSubject(folder: string, { mode, batch, network, x, labels, loss }: Subject): void {
  const { inputShape } = network;
  const write = (name: string, ...arrays: (Float32Array | Int32Array)[]) =>
    writeFileSync(
      join(folder, name),
      Buffer.concat(arrays.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength))),
    );
  const layers = listed(network.built);
  const spec = { mode, batch, inputShape, layers, loss, learningRate: LEARNING_RATE, momentum: MOMENTUM };
  writeFileSync(join(folder, 'network.json'), JSON.stringify(spec));
  const parameters = parametersOf(network);
  write('parameters.bin', ...parameters);
  write('parameters.torch.bin', ...parametersToTorch(network.built, inputShape, parameters));
  write('x.bin', x);
  const image = inputShape.length === 3;
  write('x.torch.bin', image ? imagesToTorch(x, [batch, ...inputShape] as [number, number, number, number]) : x);
  write('labels.bin', labels);
}
