/**
 * Products of matrices: the gemm kernel and torch.matmul(out=), with as many threads, in turns within one run. Both get the same operands
 * (row-major; a transposed one as PyTorch has it, a view), and must come to the same result before they are timed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkOutputs, round, stepsOfTurn, type Times, timesOf } from './compare.js';
import { whole } from './options.js';
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

/** A line of the result. ratio = torchMs / steepestMs: above 1, steepest is faster. */
export interface GemmRow extends Omit<Product, 'reason'> {
  readonly bench: 'gemm-peer';
  readonly threads: number;
  readonly steepestMs: number;
  readonly torchMs: number;
  readonly ratio: number;
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

/** Squares, the dense layers of mlp and lenet with batch 128, and the 1x1 convolutions of resnet18 with batch 64 (their outputs as rows). */
export const products: readonly Product[] = [
  ...[64, 128, 256, 512, 1024, 2048].map((size) => product('square', size, size, size, 0, 0)),
  ...layerProducts('mlp dense 1', 128, 512, 784),
  ...layerProducts('mlp dense 2', 128, 512, 512),
  ...layerProducts('mlp dense 3', 128, 10, 512),
  ...layerProducts('lenet dense 1', 128, 128, 3136),
  ...layerProducts('resnet18 projection 1', 64 * 16 * 16, 128, 64),
  ...layerProducts('resnet18 projection 2', 64 * 8 * 8, 256, 128),
  ...layerProducts('resnet18 projection 3', 64 * 4 * 4, 512, 256),
];

export interface GemmOptions {
  readonly threads: number;
  readonly python: string;
  readonly repeats: number;
  readonly json: boolean;
}

/** @throws TypeError on an unknown option, RangeError on a value out of range */
export function readGemmOptions(argv: readonly string[]): GemmOptions {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      gemm: flag,
      threads: { ...text, default: '2' },
      python: { ...text, default: 'python3' },
      repeats: { ...text, default: '15' },
      json: flag,
    },
  });
  return {
    threads: whole('threads', values.threads, 1),
    python: values.python,
    repeats: whole('repeats', values.repeats, 1),
    json: values.json,
  };
}

/** The row of a comparison. */
export function gemmRow({ reason, ...shape }: Product, threads: number, ours: Times, torch: Times): GemmRow {
  const ratio = round(torch.medianMs / ours.medianMs);
  return {
    bench: 'gemm-peer',
    ...shape,
    threads,
    steepestMs: round(ours.medianMs),
    torchMs: round(torch.medianMs),
    ratio,
  };
}

/** Of the slower one's turn. */
const TURN_MILLISECONDS = 40;
const MOST_CALLS = 20_000;

async function compare(
  one: Product,
  { threads, repeats }: GemmOptions,
  folder: string,
  worker: Worker,
): Promise<[Times, Times]> {
  const { m, n, k, transposeA, transposeB } = one;
  const { backend } = steepest.device().chooseDevice('bench', { device: 'cpu', threads });
  const random = new (steepest.random().RandomStream)(1, 0x67656d6d);
  const [a, b] = [m * k, k * n].map((length) => Float32Array.from({ length }, () => random.normal())) as [
    Float32Array,
    Float32Array,
  ];
  const c = new Float32Array(m * n);
  writeFileSync(join(folder, 'a.bin'), a);
  writeFileSync(join(folder, 'b.bin'), b);
  const ints = [m, n, k, transposeA, transposeB, 0, 0];
  const call = () => backend.runKernel('gemm', [a, b, undefined, c], ints, []);
  const ours = async (calls: number): Promise<Turn> => {
    call();
    const began = performance.now();
    for (let i = 0; i < calls; i++) call();
    return { ms: (performance.now() - began) / calls, finite: Number.isFinite(c[0]) };
  };
  const torch = (calls: number) => worker.ask<Turn>('run', calls);

  call();
  await worker.ask('load', m, n, k, transposeA, transposeB, folder);
  const theirs = readFileSync(join(folder, 'c.bin'));
  checkOutputs('torch', c, new Float32Array(theirs.buffer, theirs.byteOffset, theirs.byteLength / 4));
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
  const { threads, json } = options;
  const folder = mkdtempSync(join(tmpdir(), 'steepest-peers-'));
  const args = [join(root, 'bench', 'peers', 'torch_gemm_worker.py'), `${threads}`];
  const worker = new Worker('torch', options.python, args, { OMP_NUM_THREADS: `${threads}` });
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const spread = ({ medianMs, minMs, maxMs }: Times) =>
    `${round(medianMs)} (${round(minMs)}-${round(maxMs)})`.padStart(32);
  try {
    if (!json)
      say(
        `${threads} threads; ms a product: median (least-most); ratio: torch / steepest\n${'steepest'.padStart(32)}${'torch'.padStart(32)}  ratio`,
      );
    for (const one of products) {
      const [ours, torch] = await compare(one, options, folder, worker);
      const row = gemmRow(one, threads, ours, torch);
      const shape = `${one.m} x ${one.n} x ${one.k}${one.transposeA ? " a'" : ''}${one.transposeB ? " b'" : ''}`;
      say(
        json
          ? JSON.stringify(row)
          : `${spread(ours)}${spread(torch)}  ${row.ratio.toFixed(2).padStart(5)}  ${shape}  ${one.reason}`,
      );
    }
  } finally {
    worker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
