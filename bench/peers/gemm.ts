/**
 * Products of matrices: the gemm kernel and torch.matmul(out=), with as many threads, in turns within one run. Both get the same operands
 * (row-major; a transposed one as PyTorch has it, a view), and must come to the same result before they are timed. On a GPU each call is timed
 * by the device's clock.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { against, checkOutputs, type KernelTimes, stepsOfTurn, type Times, TOLERANCES, timesOf } from './compare.js';
import { differs, heading, line, timeOnDevice } from './device-times.js';
import { gpuOf } from './gpu.js';
import { numbers, readNumbers, writeNumbers } from './operands.js';
import { flag, isGpu, readWhere, sharedOptions, text, type Where, whole } from './options.js';
import type { Turn } from './player.js';
import { root, steepest } from './subject.js';
import { play } from './turns.js';
import { Worker } from './worker.js';

/** op(a)[m, k] op(b)[k, n]; transposeA: a is stored [k, m]; transposeB: b is stored [n, k]. */
export interface Product {
  readonly reason: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: 0 | 1;
  readonly transposeB: 0 | 1;
}

/** A line of the result. */
export interface GemmRow extends Omit<Product, 'reason'>, KernelTimes {
  readonly bench: 'gemm-peer';
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  /** What the two do not have in common. */
  readonly differs?: string;
}

const product = (reason: string, m: number, n: number, k: number, transposeA: 0 | 1, transposeB: 0 | 1): Product => ({
  reason,
  m,
  n,
  k,
  transposeA,
  transposeB,
});

/** y[rows, units] = x[rows, inputs] w[inputs, units], and the gradients of w and x. */
export function layerProducts(name: string, rows: number, units: number, inputs: number): Product[] {
  return [
    product(name, rows, units, inputs, 0, 0),
    product(`${name}, gradient of weights`, inputs, units, rows, 1, 0),
    product(`${name}, gradient of input`, rows, inputs, units, 0, 1),
  ];
}

const squares = (sizes: readonly number[]) => sizes.map((size) => product('square', size, size, size, 0, 0));

/** The dense layers of mlp and lenet with batch 128, and the 1x1 convolutions of resnet18 with batch 64 (their outputs as rows). */
const ofNetworks: readonly Product[] = [
  ...layerProducts('mlp dense 1', 128, 512, 784),
  ...layerProducts('mlp dense 2', 128, 512, 512),
  ...layerProducts('mlp dense 3', 128, 10, 512),
  ...layerProducts('lenet dense 1', 128, 128, 3136),
  ...layerProducts('resnet18 projection 1', 64 * 16 * 16, 128, 64),
  ...layerProducts('resnet18 projection 2', 64 * 8 * 8, 256, 128),
  ...layerProducts('resnet18 projection 3', 64 * 4 * 4, 512, 256),
];
export const products: readonly Product[] = [...squares([64, 128, 256, 512, 1024, 2048]), ...ofNetworks];
/** On a GPU: squares that fill it. */
export const gpuProducts: readonly Product[] = [...squares([512, 1024, 2048, 4096, 8192]), ...ofNetworks];

export interface GemmOptions extends Where {
  readonly threads: number;
  readonly python: string;
  readonly repeats: number;
  /** Products with a larger side are left out. */
  readonly largest: number;
  readonly json: boolean;
}

/** @throws TypeError on an unknown option, RangeError on a value out of range */
export function readGemmOptions(argv: readonly string[]): GemmOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...sharedOptions,
      gemm: flag,
      repeats: text,
      largest: { ...text, default: '1000000' },
    },
  });
  const where = readWhere(values);
  return {
    ...where,
    python: values.python,
    repeats: whole('repeats', values.repeats ?? (isGpu(where.device) ? '5' : '15'), 1),
    largest: whole('largest', values.largest, 1),
    json: values.json,
  };
}

/** The row of a comparison. */
export function gemmRow(
  { reason, ...shape }: Product,
  { threads, device, precision }: Pick<GemmOptions, 'threads' | 'device' | 'precision'>,
  ours: Times,
  torch: Times,
): GemmRow {
  const times = against(ours, torch);
  return { bench: 'gemm-peer', ...shape, device, precision, threads, ...times, ...differs(precision) };
}

/** Of the slower one's turn. */
const TURN_MILLISECONDS = 40;
const MOST_CALLS = 20_000;

async function compare(one: Product, options: GemmOptions, folder: string, worker: Worker): Promise<[Times, Times]> {
  const { m, n, k, transposeA, transposeB } = one;
  const { device, precision, threads, repeats } = options;
  const { backend } = steepest.device().chooseDevice('bench', { device, precision, threads });
  const random = new (steepest.random().RandomStream)(1, 0x67656d6d);
  const [a, b] = [numbers(m * k, () => random.normal()), numbers(k * n, () => random.normal())];
  const c = new Float32Array(m * n);
  writeNumbers(folder, 'a.bin', a);
  writeNumbers(folder, 'b.bin', b);
  const ints = [m, n, k, transposeA, transposeB, 0, 0];
  const buffers = [a, b, undefined, c];
  const call = () => backend.runKernel('gemm', buffers, ints, []);
  const ours = async (calls: number): Promise<Turn> => {
    call();
    const began = performance.now();
    for (let i = 0; i < calls; i++) call();
    return { ms: (performance.now() - began) / calls, finite: Number.isFinite(c[0]) };
  };
  const torch = (calls: number) => worker.ask<Turn>('run', calls);

  call();
  await worker.ask('load', m, n, k, transposeA, transposeB, folder);
  checkOutputs('torch', c, readNumbers(folder, 'c.bin'), TOLERANCES[precision].kernel);
  if (isGpu(device)) return timeOnDevice({ kernel: 'gemm', buffers, ints }, backend, worker, repeats);
  const calls = stepsOfTurn(Math.max((await ours(3)).ms, (await torch(3)).ms), TURN_MILLISECONDS, MOST_CALLS);
  const rivals = [
    { name: 'steepest', run: ours },
    { name: 'torch', run: torch },
  ];
  const times = await play(rivals, () => calls, repeats);
  return [timesOf(times.steepest!), timesOf(times.torch!)];
}

/** The command: a line a product. */
export async function benchGemm(argv: readonly string[]): Promise<void> {
  const options = readGemmOptions(argv);
  const { device, precision, torchDevice, threads, largest, json } = options;
  const gpu = gpuOf(device);
  const folder = mkdtempSync(join(tmpdir(), 'steepest-peers-'));
  const args = [join(root, 'bench', 'peers', 'torch_gemm_worker.py'), `${threads}`, torchDevice, precision];
  const worker = new Worker('torch', options.python, args, { OMP_NUM_THREADS: `${threads}` });
  const say = (text: string) => process.stdout.write(`${text}\n`);
  try {
    if (!json) say(heading(gpu === undefined ? `${threads} threads` : `${gpu.name}, ${precision}`, 'a product'));
    for (const one of gpu === undefined ? products : gpuProducts) {
      if (Math.max(one.m, one.n, one.k) > largest) continue;
      const [ours, torch] = await compare(one, options, folder, worker);
      const row = gemmRow(one, options, ours, torch);
      const shape = `${one.m} x ${one.n} x ${one.k}${one.transposeA ? " a'" : ''}${one.transposeB ? " b'" : ''}`;
      say(json ? JSON.stringify(row) : line(ours, torch, row.ratio, `${shape}  ${one.reason}`));
    }
  } finally {
    worker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
