/** The options of the rivals' bench: their meaning, their defaults and the checks on them. */
import { parseArgs } from 'node:util';

export type Mode = 'train' | 'infer';

/** What steepest runs on; 'cuda' is the first GPU. */
export type PeerDevice = 'cpu' | 'reference' | 'cuda' | `cuda:${number}`;
export const peerPrecisions = ['fp32', 'tf32', 'bf16'] as const;
/** Of products, on both sides. */
export type PeerPrecision = (typeof peerPrecisions)[number];

/** Where both sides compute. */
export interface Where {
  readonly device: PeerDevice;
  readonly precision: PeerPrecision;
  /** PyTorch's device: the same GPU, or the cpu. */
  readonly torchDevice: string;
}

export interface PeerOptions extends Where {
  /** Named networks, or sizes of a fully-connected one: '784-32-10'. */
  readonly models: readonly string[];
  /** Threads of each rival; on a GPU 1. */
  readonly threads: number;
  readonly modes: readonly Mode[];
  /** A Python that can import torch. */
  readonly python: string;
  /** Words joined by '+': nchw, channels_last, compile, and on a GPU graph. */
  readonly variants: readonly string[];
  /** Rounds: each rival has one turn in each. */
  readonly repeats: number;
  /** Timed steps of a turn; 0: as many as make the slowest rival's turn TURN_MILLISECONDS long. */
  readonly steps: number;
  /** Rows of a step; 0: the network's usual batch. */
  readonly batch: number;
  /** glibc's malloc under PyTorch: keeps what is freed, or gives it back to the system as it does by default. */
  readonly malloc: 'keep' | 'default';
  /** Folder whose node_modules holds (or will hold) @tensorflow/tfjs and its wasm backend; 'auto': one among the temporary files. */
  readonly tfjs: string | undefined;
  /** Also the peak resident memory of a run of steepest and of PyTorch, each in a process of its own. */
  readonly memory: boolean;
  readonly json: boolean;
  /** Keep the results in bench/results. */
  readonly write: boolean;
}

export const usage = `npm run bench:peers -- [options]

Trains (or asks) the same networks with steepest and with PyTorch, in turns, and prints the ratio of the medians: above 1, steepest is faster.

  --models LIST     networks, by comma: mlp, lenet, mnist-fast, cnn4, vgg11, resnet18, or sizes of a fully-connected one as 784-32-10;
                    tiny: 2-8-1, 4-16-3 and 784-32-10 (default mlp,lenet,cnn4,vgg11)
  --mode LIST       train, infer, or both by comma (default train)
  --threads N       threads of each rival (default 2)
  --python PATH     a Python that has torch (default python3)
  --variants LIST   PyTorch's variants, by comma, of words joined by +: nchw channels_last compile, on a GPU also graph (the step as a CUDA
                    graph); default nchw,channels_last,compile; on a GPU nchw, and channels_last alone and with compile, graph, and both
  --malloc NAME     PyTorch's memory: keep (default; freed memory is reused, which is faster), or default (glibc's settings)
  --tfjs DIR        also @tensorflow/tfjs (wasm) from DIR/node_modules, put there by npm if it is missing: inference, and training where
                    there is no convolution; --tfjs auto: in a folder among the temporary files
  --memory          also the peak resident memory of a run of steepest and of PyTorch
  --repeats N       rounds; each rival has a turn in each (default 15)
  --steps N         timed steps in a turn (default: some 200 ms of the slowest rival)
  --batch N         rows of a step (default 128; vgg11 64; 2-8-1 4; 4-16-3 16; other fully-connected ones 32)
  --device NAME     what steepest runs on: cpu (default), reference, cuda or cuda:N; on cuda PyTorch runs on the same GPU
  --precision NAME  on cuda, of both: fp32 (default), tf32, bf16 (PyTorch by autocast)
  --torch-device cpu   lets PyTorch stay on the cpu, to try things out without a GPU; nothing to --write
  --json            one JSON object a line instead of the table
  --write           keep the results in bench/results/<date>-<cpu or gpu>-peers.json

npm run bench:peers -- --gemm [--threads N] [--device NAME] [--precision NAME] [--largest N] [--python PATH] [--repeats N] [--json]

Times products of matrices alone, the gemm kernel against torch.matmul; --largest: those with no side above N.

npm run bench:peers -- --conv --device cuda [--precision NAME] [--models LIST] [--batch N] [--python PATH] [--repeats N] [--json]

Times the convolutions of the networks (default lenet,cnn4,vgg11,resnet18) alone, on a GPU, against PyTorch's (cuDNN): forward and both gradients,
with the network's usual batch, and those of vgg11 and resnet18 with 256 too.

npm run bench:peers -- --learn --data-dir DIR [--models NAME] [--limit N] [--epochs N] [--rate X] [--threads N] [--python PATH] [--json]

Trains a network for 32 x 32 colour images (default resnet18) on CIFAR-10 (DIR/train/<class>/*.jpg) with both, in the same order; the mean losses
of each epoch.`;

/** Where a step is too short for anything but what surrounds the arithmetic. */
const TINY = ['2-8-1', '4-16-3', '784-32-10'];

const VARIANT_WORDS = ['nchw', 'channels_last', 'compile', 'graph'];
const VARIANTS = 'nchw,channels_last,compile';
const GPU_VARIANTS = 'nchw,channels_last,channels_last+compile,channels_last+graph,channels_last+compile+graph';

/** Of parseArgs. */
export const text = { type: 'string' } as const;
export const flag = { type: 'boolean', default: false } as const;

/** Options of all benches that run on a GPU too. */
export const sharedOptions = {
  device: { ...text, default: 'cpu' },
  precision: { ...text, default: 'fp32' },
  'torch-device': text,
  threads: { ...text, default: '2' },
  python: { ...text, default: 'python3' },
  json: flag,
} as const;

export const isGpu = (device: string) => /^cuda(:\d{1,2})?$/.test(device);

/** @throws RangeError on a value out of range */
export function readWhere(values: {
  device: string;
  precision: string;
  'torch-device'?: string | undefined;
  threads: string;
}): Where & { readonly threads: number } {
  const device = isGpu(values.device)
    ? (values.device as PeerDevice)
    : oneOf('device', values.device, ['cpu', 'reference'] as const, ', cuda, cuda:N');
  const precision = oneOf('precision', values.precision, peerPrecisions);
  const gpu = isGpu(device);
  if (!gpu && precision !== 'fp32') throw new RangeError(`--precision: ${precision} needs --device cuda`);
  const torch = values['torch-device'];
  if (torch !== undefined) oneOf('torch-device', torch, ['cpu']);
  const threads = whole('threads', values.threads, 1);
  return { device, precision, torchDevice: torch ?? (gpu ? device : 'cpu'), threads: gpu ? 1 : threads };
}

/** @throws TypeError on an unknown option, RangeError on a value out of range */
export function readOptions(argv: readonly string[]): PeerOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...sharedOptions,
      models: { ...text, default: 'mlp,lenet,cnn4,vgg11' },
      mode: { ...text, default: 'train' },
      variants: text,
      malloc: { ...text, default: 'keep' },
      tfjs: text,
      memory: flag,
      repeats: { ...text, default: '15' },
      steps: { ...text, default: '0' },
      batch: { ...text, default: '0' },
      write: flag,
    },
  });
  const where = readWhere(values);
  const gpu = isGpu(where.device);
  const variants = list('variants', values.variants ?? (gpu ? GPU_VARIANTS : VARIANTS));
  for (const variant of variants) for (const word of variant.split('+')) oneOf('variants', word, VARIANT_WORDS);
  if (!gpu && variants.some((variant) => variant.split('+').includes('graph')))
    throw new RangeError('--variants: graph, a CUDA graph, needs --device cuda');
  for (const name of ['memory', 'tfjs'] as const)
    if (gpu && values[name]) throw new RangeError(`--${name}: not with --device ${where.device}`);
  if (values.write && gpu && !isGpu(where.torchDevice))
    throw new RangeError('--write: not with --torch-device, whose numbers compare a GPU with a cpu');
  return {
    ...where,
    models: list('models', values.models).flatMap((model) => (model === 'tiny' ? TINY : [model])),
    modes: list('mode', values.mode).map((mode) => oneOf('mode', mode, ['train', 'infer'] as const)),
    python: values.python,
    variants,
    malloc: oneOf('malloc', values.malloc, ['keep', 'default'] as const),
    tfjs: values.tfjs,
    memory: values.memory,
    repeats: whole('repeats', values.repeats, 1),
    steps: whole('steps', values.steps, 0),
    batch: whole('batch', values.batch, 0),
    json: values.json,
    write: values.write,
  };
}

export function list(name: string, value: string): string[] {
  const words = value.split(',').map((word) => word.trim());
  if (words.some((word) => word === ''))
    throw new RangeError(`--${name}: expected names by comma but received '${value}'`);
  return words;
}

export function whole(name: string, value: string, least: number): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isInteger(number) || number < least)
    throw new RangeError(`--${name}: expected a whole number >= ${least} but received '${value}'`);
  return number;
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[], more = ''): T {
  if (!known.includes(value as T))
    throw new RangeError(`--${name}: expected one of ${known.join(', ')}${more} but received '${value}'`);
  return value as T;
}

/** The usual rows of a step of a network. */
export function usualBatch(model: string): number {
  const known: Record<string, number> = { vgg11: 64, resnet18: 64, '2-8-1': 4, '4-16-3': 16 };
  return known[model] ?? (denseSizes(model) === undefined ? 128 : 32);
}

/** Sizes of a fully-connected network, inputs first: '784-32-10' gives [784, 32, 10]. Undefined for any other name. */
export function denseSizes(model: string): number[] | undefined {
  return /^[1-9]\d*(-[1-9]\d*)+$/.test(model) ? model.split('-').map(Number) : undefined;
}
