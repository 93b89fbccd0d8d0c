/** The shapes that kernels are timed on: data with a reason. Every kernel has one at least (a test looks). */
import { type BufferSpec, type KernelName, kernelNames, kernelSpecs } from '../../backends/kernels.js';

export interface KernelCase {
  readonly kernel: KernelName;
  readonly ints: Readonly<Record<string, number>>;
  readonly reals: Readonly<Record<string, number>>;
  /** Where the shape comes from. */
  readonly reason: string;
}

/** A convolution layer of a network with its largest usual batch. */
interface ConvLayer {
  readonly reason: string;
  readonly ints: Readonly<Record<string, number>>;
}

const conv = (reason: string, n: number, size: number, c: number, k: number, filter: number): ConvLayer => ({
  reason,
  ints: { n, h: size, w: size, c, k, r: filter, s: filter, stride: 1, padding: filter >> 1 },
});

const convLayers = [
  conv('lenet conv 1', 128, 28, 1, 32, 5),
  conv('lenet conv 2', 128, 14, 32, 64, 5),
  conv('cnn4 conv 1', 128, 32, 3, 32, 5),
  conv('cnn4 conv 2', 128, 16, 32, 64, 3),
  conv('cnn4 conv 3', 128, 8, 64, 64, 3),
  conv('vgg11 conv 1', 64, 32, 3, 64, 3),
  conv('vgg11 conv 2', 64, 16, 64, 128, 3),
  conv('vgg11 conv 4', 64, 8, 256, 256, 3),
  conv('vgg11 conv 6', 64, 4, 512, 512, 3),
  conv('vgg11 conv 8', 64, 2, 512, 512, 3),
  conv('tiny', 2, 5, 3, 4, 3),
];

/** Fully-connected layers as gemm does them (forward; gradient of the weights; gradient of the input), and squares. */
const gemms: (readonly [reason: string, m: number, n: number, k: number, transposeA: number, transposeB: number])[] = [
  ['square', 256, 256, 256, 0, 0],
  ['square', 512, 512, 512, 0, 0],
  ['square', 1024, 1024, 1024, 0, 0],
  ['square', 2048, 2048, 2048, 0, 0],
  ['lenet dense 1', 128, 128, 3136, 0, 0],
  ['lenet dense 1, gradient of weights', 3136, 128, 128, 1, 0],
  ['lenet dense 1, gradient of input', 128, 3136, 128, 0, 1],
  ['lenet dense 2', 128, 10, 128, 0, 0],
  ['mlp dense 1', 128, 512, 784, 0, 0],
  ['mlp dense 2', 128, 512, 512, 0, 0],
  ['one image', 1, 512, 784, 0, 0],
  ['tiny', 5, 3, 4, 0, 0],
];

/** Values that relu, its gradient and other kernels of one value in, one out meet after lenet's first convolution, batch 128. */
const ACTIVATIONS = 128 * 28 * 28 * 32;
/** Parameters of lenet: what an optimizer's step goes over. */
const PARAMETERS = 454_922;
const random = { seed: 1, stream: 2, step: 3, first: 0 };
const pooling = { n: 128, h: 28, w: 28, c: 32, pool: 2, stride: 2 };

/** Shapes by kernel; a kernel that is not here is one of one value in, one out, and gets ACTIVATIONS of them. */
function shapesOf(kernel: KernelName): { reason: string; ints: Record<string, number> }[] {
  if (kernel === 'gemm')
    return gemms.map(([reason, m, n, k, transposeA, transposeB]) => ({
      reason,
      ints: { m, n, k, transposeA, transposeB, accumulate: 0, relu: 0 },
    }));
  if (kernel === 'conv2d_forward')
    return convLayers.map(({ reason, ints }) => ({
      reason: `${reason}, relu and pool`,
      ints: { ...ints, relu: 1, pool: 2, poolStride: 2 },
    }));
  if (kernel.startsWith('conv2d_')) return convLayers.map(({ reason, ints }) => ({ reason, ints: { ...ints } }));
  if (kernel.startsWith('im2col'))
    return convLayers.slice(0, 2).map(({ reason, ints }) => ({ reason, ints: { ...ints, n: 16 } }));
  if (kernel === 'winograd_filter_forward')
    return [{ reason: 'lenet conv 2', ints: { depth: 32, columns: 64, r: 5, tile: 4, turned: 0 } }];
  if (kernel.startsWith('zero_pad2d'))
    return [{ reason: 'lenet conv 2', ints: { n: 128, h: 14, w: 14, c: 32, padding: 2 } }];
  if (kernel.startsWith('global_average_pool2d'))
    return [{ reason: "resnet18's head", ints: { n: 128, h: 4, w: 4, c: 512 } }];
  if (kernel.includes('pool2d')) return [{ reason: 'lenet pool 1', ints: { ...pooling, ...random } }];
  if (kernel.startsWith('gather'))
    return [
      { reason: 'a batch of MNIST', ints: { rows: 128, k: kernel === 'gather_labels' ? 1 : 784, sourceRows: 60_000 } },
    ];
  if (kernel.endsWith('_step') || kernel === 'clip_norm')
    return [{ reason: "lenet's parameters", ints: { n: PARAMETERS, t: 10 } }];
  if (kernel === 'batch_norm_affine') return [{ reason: "resnet18's last layers", ints: { n: 512 } }];
  if (kernel.startsWith('bias_') || kernel.startsWith('batch_norm_'))
    return [{ reason: 'lenet conv 1', ints: { rows: 128 * 28 * 28, k: 32 } }];
  if (kernelSpecs[kernel].ints.includes('rows'))
    return [
      { reason: 'a batch of ten classes', ints: { rows: 128, k: 10, squared: 1 } },
      { reason: 'many rows of a thousand classes', ints: { rows: 1024, k: 1000, squared: 1 } },
    ];
  return [{ reason: 'activations of lenet conv 1', ints: { n: ACTIVATIONS, count: ACTIVATIONS, ...random } }];
}

/** Values of real arguments that keep a kernel on its usual path. */
const reals: Readonly<Record<string, number>> = {
  rate: 0.5,
  factor: 1 / 255,
  shift: 0,
  off: 0,
  on: 1,
  threshold: 0,
  limit: 1,
  learningRate: 1e-3,
  regularizer: 0,
  weightDecay: 0,
  momentum: 0.9,
  decay: 0.9,
  delta: 1e-8,
  epsilon: 1e-5,
  beta1: 0.9,
  beta2: 0.999,
};

const pick = (names: readonly string[], values: Readonly<Record<string, number>>) =>
  Object.fromEntries(names.map((name) => [name, values[name] ?? 0]));

export const kernelCases: readonly KernelCase[] = kernelNames.flatMap((kernel) =>
  shapesOf(kernel).map(({ reason, ints }) => ({
    kernel,
    reason,
    ints: pick(kernelSpecs[kernel].ints, ints),
    reals: pick(kernelSpecs[kernel].reals, reals),
  })),
);

/** The number that counts images, rows or values: the one a case is made smaller by. */
function countName({ kernel }: KernelCase): string {
  return ['m', 'rows', 'n', 'depth'].find((name) => kernelSpecs[kernel].ints.includes(name))!;
}

/** The same case with fewer images (rows, values), so that the reference needs at most about `work` operations, and one image at least. */
export function smaller(big: KernelCase, work: number): KernelCase {
  const name = countName(big);
  const now = big.ints[name]!;
  const { flops, bytes } = costOf(big);
  const count = Math.max(1, Math.min(now, Math.floor((now * work) / Math.max(flops, bytes / 4))));
  const ints = { ...big.ints, [name]: count };
  if ('count' in ints) ints.count = count;
  return { ...big, ints };
}

/** Optional inputs that cases go without: a kernel is timed for itself. */
const LEFT_OUT = ['factor', 'addend', 'mask'];
export const isLeftOut = ({ name, optional }: BufferSpec) => optional && LEFT_OUT.includes(name);

const BYTES = { real: 4, i32: 4, u16: 2, u8: 1 } as const;

/** Operations of a call, and the bytes it must read and write (of a gather's source only the rows taken). */
export function costOf({ kernel, ints }: KernelCase): { flops: number; bytes: number } {
  const spec = kernelSpecs[kernel];
  let bytes = 0;
  for (const buffer of spec.buffers) {
    if (isLeftOut(buffer)) continue;
    const { name, role, type, length } = buffer;
    const sourceRows = name === 'source' ? ints.rows : ints.sourceRows;
    bytes += length({ ...ints, sourceRows: sourceRows ?? 0 }) * BYTES[type] * (role === 'inout' ? 2 : 1);
  }
  return { flops: spec.flops({ ...ints }), bytes };
}

/** `gemm m=128 n=10 k=128` */
export const lineOf = (one: KernelCase) => `${one.kernel} ${shapeText(one)}`;

/** The case's sizes as they read in a line: `m=128 n=10 k=128`, without zeros and without the numbers that only seed something. */
export function shapeText({ ints }: KernelCase): string {
  return Object.entries(ints)
    .filter(([name, value]) => value !== 0 && !['seed', 'stream', 'step', 'first', 't', 'count'].includes(name))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
