/**
 * Convolutions alone, on a GPU: the kernels conv2d_forward, conv2d_backward_input and conv2d_backward_filter and PyTorch's, on the layers of the
 * networks. Both get the same operands, must come to the same result, and are then timed in turns, each call by the device's clock.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ConvolutionShape } from '../../lib/backends/backend.js';
import type { BuiltLayer } from '../../lib/layers/graph.js';
import { against, checkOutputs, type KernelTimes, type Times, TOLERANCES } from './compare.js';
import { type DeviceCall, differs, heading, line, timeOnDevice } from './device-times.js';
import { gpuOf } from './gpu.js';
import { numbers, readNumbers, writeNumbers } from './operands.js';
import { flag, isGpu, list, readWhere, sharedOptions, text, usualBatch, type Where, whole } from './options.js';
import { listed, networkOf, root, steepest } from './subject.js';
import { Worker } from './worker.js';

export const convKernels = ['conv2d_forward', 'conv2d_backward_input', 'conv2d_backward_filter'] as const;
export type ConvKernel = (typeof convKernels)[number];

/** Without the number of images. */
export type ConvShape = Omit<ConvolutionShape, 'direction' | 'pool' | 'poolStride'>;

export interface Convolution extends ConvShape {
  readonly layer: string;
  /** Reads the images: nobody asks for its input's gradient. */
  readonly first: boolean;
}

/** A line of the result. */
export interface ConvRow extends ConvShape, KernelTimes {
  readonly bench: 'conv-peer';
  readonly kernel: ConvKernel;
  readonly layer: string;
  readonly n: number;
  readonly device: string;
  readonly precision: string;
  readonly differs?: string;
}

/** The convolutions of a network, each shape once. */
export function convolutionsOf(
  model: string,
  inputShape: readonly number[],
  built: readonly Pick<BuiltLayer, 'layer' | 'inputs' | 'outputShape'>[],
): Convolution[] {
  const layers = listed(built);
  const found = new Map<string, Convolution>();
  let number = 0;
  for (const { kind, options, inputs, padding } of layers) {
    if (kind !== 'conv2d') continue;
    number++;
    const [h, w, c] = (inputs[0]! < 0 ? inputShape : layers[inputs[0]!]!.outputShape) as [number, number, number];
    const { filters: k, kernelSize: r, strides: stride } = options as Record<string, number>;
    const shape = { h, w, c, k: k!, r: r!, s: r!, stride: stride!, padding };
    const key = JSON.stringify(shape);
    if (!found.has(key)) found.set(key, { layer: `${model} conv ${number}`, first: inputs[0]! < 0, ...shape });
  }
  return [...found.values()];
}

export interface ConvOptions extends Where {
  readonly models: readonly string[];
  /** Images; 0: the network's usual ones, and LARGE of the networks in LARGER. */
  readonly batch: number;
  readonly python: string;
  readonly repeats: number;
  readonly json: boolean;
}

const LARGE = 256;
const LARGER = ['vgg11', 'resnet18'];

/** @throws TypeError on an unknown option, RangeError on a value out of range */
export function readConvOptions(argv: readonly string[]): ConvOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...sharedOptions,
      conv: flag,
      models: { ...text, default: 'lenet,cnn4,vgg11,resnet18' },
      batch: { ...text, default: '0' },
      repeats: { ...text, default: '5' },
    },
  });
  const { threads, ...where } = readWhere(values);
  if (!isGpu(where.device)) throw new RangeError('--conv: needs --device cuda');
  return {
    ...where,
    models: list('models', values.models),
    batch: whole('batch', values.batch, 0),
    python: values.python,
    repeats: whole('repeats', values.repeats, 1),
    json: values.json,
  };
}

/** The batches that a network's convolutions are timed with. */
export function batchesOf(model: string, asked: number): number[] {
  if (asked > 0) return [asked];
  return LARGER.includes(model) ? [usualBatch(model), LARGE] : [usualBatch(model)];
}

export function convRow(
  kernel: ConvKernel,
  n: number,
  { first, layer, ...shape }: Convolution,
  { device, precision }: Where,
  ours: Times,
  torch: Times,
): ConvRow {
  const times = against(ours, torch);
  return { bench: 'conv-peer', kernel, layer, n, ...shape, device, precision, ...times, ...differs(precision) };
}

/** Elements of what a convolution reads and writes. */
function sizes(n: number, { h, w, c, k, r, s, stride, padding }: ConvShape) {
  const [p, q] = [Math.floor((h + 2 * padding - r) / stride) + 1, Math.floor((w + 2 * padding - s) / stride) + 1];
  return { x: n * h * w * c, filter: r * s * c * k, y: n * p * q * k };
}

/** The kernel's arguments: what it reads among x, filter and dy, and room for the result, which comes beside. */
function callOf(kernel: ConvKernel, n: number, shape: ConvShape): DeviceCall & { out: Float32Array; read: string[] } {
  const random = new (steepest.random().RandomStream)(1, 0x636f6e76);
  const { x, filter, y } = sizes(n, shape);
  const outputs = {
    conv2d_forward: ['y', y],
    conv2d_backward_input: ['dx', x],
    conv2d_backward_filter: ['dw', filter],
  };
  const [name, length] = outputs[kernel] as [string, number];
  const out = new Float32Array(length);
  const lengths: Record<string, number> = { x, filter, dy: y };
  const spec = steepest.kernels().kernelSpecs[kernel];
  const read = spec.buffers.map((buffer) => buffer.name).filter((one) => one in lengths);
  const buffers = spec.buffers.map((buffer) => {
    if (buffer.name === name) return out;
    return read.includes(buffer.name) ? numbers(lengths[buffer.name]!, () => random.normal()) : undefined;
  });
  const ints: Record<string, number> = { n, ...shape };
  return { kernel, buffers, ints: spec.ints.map((one) => ints[one] ?? 0), out, read };
}

async function compare(
  kernel: ConvKernel,
  n: number,
  one: Convolution,
  options: ConvOptions,
  folder: string,
  worker: Worker,
): Promise<[Times, Times]> {
  const { h, w, c, k, r, s, stride, padding } = one;
  const { device, precision, repeats } = options;
  const call = callOf(kernel, n, one);
  const { backend } = steepest.device().chooseDevice('bench', { device, precision });
  for (const [i, { name }] of steepest.kernels().kernelSpecs[kernel].buffers.entries())
    if (call.read.includes(name)) writeNumbers(folder, `${name}.bin`, call.buffers[i]!);
  backend.runKernel(kernel, call.buffers, call.ints, []);
  await worker.ask('load', kernel, n, h, w, c, k, r, s, stride, padding, folder);
  checkOutputs('torch', call.out, readNumbers(folder, 'out.bin'), TOLERANCES[precision].kernel);
  return timeOnDevice(call, backend, worker, repeats);
}

/** The command: a line a kernel and shape. */
export async function benchConv(argv: readonly string[]): Promise<void> {
  const options = readConvOptions(argv);
  const { device, precision, torchDevice, models, batch, json } = options;
  const gpu = gpuOf(device)!;
  const folder = mkdtempSync(join(tmpdir(), 'steepest-peers-'));
  const args = [join(root, 'bench', 'peers', 'torch_conv_worker.py'), '1', torchDevice, precision];
  const worker = new Worker('torch', options.python, args);
  const say = (text: string) => process.stdout.write(`${text}\n`);
  try {
    if (!json) say(heading(`${gpu.name}, ${precision}`, 'a call'));
    for (const model of models) {
      const { inputShape, layers } = networkOf(model);
      const { buildLayers, sequence } = steepest.graph();
      const convolutions = convolutionsOf(model, inputShape, buildLayers(sequence(inputShape, layers)));
      for (const n of batchesOf(model, batch))
        for (const one of convolutions)
          for (const kernel of convKernels) {
            if (one.first && kernel === 'conv2d_backward_input') continue;
            const [ours, torch] = await compare(kernel, n, one, options, folder, worker);
            const row = convRow(kernel, n, one, options, ours, torch);
            const shape = `${n} x ${one.h} x ${one.w} x ${one.c}, ${one.k} of ${one.r} x ${one.s} / ${one.stride}`;
            say(json ? JSON.stringify(row) : line(ours, torch, row.ratio, `${kernel}  ${shape}  ${one.layer}`));
          }
    }
  } finally {
    worker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
