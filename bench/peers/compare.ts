/** What the bench says: whether rivals compute the same, medians and their spread, ratios, and the table of them. */
import type { PeerPrecision } from './options.js';

/** Milliseconds of a step over the turns of a rival. */
export interface Times {
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** A line of the result: steepest against one rival. ratio = the rival's ms / steepestMs: above 1, steepest is faster. */
export interface PeerRow {
  readonly bench: 'peer';
  readonly rival: 'torch' | 'tfjs';
  readonly model: string;
  readonly mode: string;
  readonly threads: number;
  readonly batch: number;
  /** What steepest ran on, and the precision of products there. */
  readonly device: string;
  readonly precision: string;
  readonly steepestMs: number;
  readonly steepestStepsPerSecond: number;
  /** Of PyTorch: the fastest of its variants, the steps per second of all, and why others took no part. */
  readonly torchMs?: number;
  readonly torchVariant?: string;
  readonly torchStepsPerSecond?: Readonly<Record<string, number>>;
  readonly failed?: Readonly<Record<string, string>>;
  /** Of @tensorflow/tfjs with wasm, on one thread. */
  readonly tfjsMs?: number;
  readonly ratio: number;
  /** Peak resident memory of a process that does nothing but such a run, in MiB; memoryRatio = torch / steepest. */
  readonly steepestMiB?: number;
  readonly torchMiB?: number;
  readonly memoryRatio?: number;
}

/** What is kept of a line in bench/results: also the spread, and the losses by rival from equal weights. */
export interface PeerResult extends PeerRow {
  readonly steps: number;
  readonly repeats: number;
  readonly times: Readonly<Record<string, Times>>;
  readonly losses: Readonly<Record<string, readonly number[]>>;
  /** Of steepest (its commit, and what it ran on), Node, Python and the rivals. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What a row of a kernel says: medians, and ratio = torchMs / steepestMs: above 1, steepest is faster. */
export interface KernelTimes {
  readonly steepestMs: number;
  readonly torchMs: number;
  readonly ratio: number;
}

export function against(ours: Times, torch: Times): KernelTimes {
  const ratio = round(torch.medianMs / ours.medianMs);
  return { steepestMs: round(ours.medianMs), torchMs: round(torch.medianMs), ratio };
}

export function timesOf(milliseconds: readonly number[]): Times {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  if (sorted.length === 0) throw new RangeError('no times');
  const middle = sorted.length >> 1;
  const medianMs = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { medianMs, minMs: sorted[0]!, maxMs: sorted[sorted.length - 1]! };
}

/** Steps of a turn, so that the slowest rival takes about `turn` milliseconds. */
export function stepsOfTurn(slowestMs: number, turn: number, most: number): number {
  return Math.max(1, Math.min(Math.round(turn / slowestMs), most));
}

/** Differences allowed: relative for the loss of the first step and of the later ones; of outputs, relative to the largest. */
export interface Tolerance {
  readonly first: number;
  readonly later: number;
  /** Added for the later ones: the loss of a batch learnt by heart is the rounding of numbers about 1. */
  readonly rounding: number;
  readonly outputs: number;
  /** Of the result of one kernel. */
  readonly kernel: number;
}

/**
 * TF32 leaves open whether operands are rounded or cut off, which was computed to differ by up to 8e-3 in outputs and 1e-2 in losses (vgg11,
 * resnet18), and by 1e-3 in a product. In bfloat16 PyTorch's results and activations are bfloat16 too: up to 8e-3 and 3e-3.
 */
export const TOLERANCES: Readonly<Record<PeerPrecision, Tolerance>> = {
  fp32: { first: 1e-5, later: 1e-3, rounding: 1e-6, outputs: 1e-4, kernel: 1e-4 },
  tf32: { first: 2e-2, later: 2e-2, rounding: 2e-2, outputs: 2e-2, kernel: 3e-3 },
  bf16: { first: 2e-2, later: 2e-2, rounding: 2e-2, outputs: 2e-2, kernel: 1e-2 },
};

/** @throws Error where the losses of the first steps differ too much, or are no numbers */
export function checkLosses(
  rival: string,
  ours: readonly number[],
  theirs: readonly number[],
  { first, later, rounding } = TOLERANCES.fp32,
): void {
  if (ours.length === 0 || ours.length !== theirs.length)
    throw new Error(`${rival} told ${theirs.length} losses, steepest ${ours.length}`);
  for (const [i, a] of ours.entries()) {
    const b = theirs[i]!;
    const larger = Math.max(Math.abs(a), Math.abs(b));
    const allowed = i === 0 ? first * larger : later * larger + rounding;
    if (!(Math.abs(a - b) <= allowed))
      throw new Error(`step ${i + 1}: the loss is ${a} with steepest but ${b} with ${rival}: not timed`);
  }
}

/** @throws Error where the outputs differ too much, or are no numbers */
export function checkOutputs(
  rival: string,
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  allowed = TOLERANCES.fp32.outputs,
): void {
  if (ours.length === 0 || ours.length !== theirs.length)
    throw new Error(`${rival} gave ${theirs.length} outputs, steepest ${ours.length}`);
  let largest = 0;
  for (let i = 0; i < theirs.length; i++) largest = Math.max(largest, Math.abs(theirs[i]!));
  for (let i = 0; i < ours.length; i++)
    if (!(Math.abs(ours[i]! - theirs[i]!) <= allowed * largest))
      throw new Error(`output ${i} is ${ours[i]} with steepest but ${theirs[i]} with ${rival}: not timed`);
}

const perSecond = (ms: number) => round(1000 / ms);

/** The rows of a comparison, one a rival. `times` by rival: steepest, torch:VARIANT, tfjs. */
export function rowsOf(
  head: Pick<PeerRow, 'model' | 'mode' | 'threads' | 'batch' | 'device' | 'precision'>,
  times: Readonly<Record<string, Times>>,
): PeerRow[] {
  const { medianMs } = times.steepest!;
  const row = (rival: PeerRow['rival'], ms: number, fields: Partial<PeerRow>): PeerRow => ({
    ...{ bench: 'peer', rival, ...head },
    ...{ steepestMs: round(medianMs), steepestStepsPerSecond: perSecond(medianMs), ...fields },
    ratio: round(ms / medianMs),
  });
  const rows: PeerRow[] = [];
  const torch = Object.entries(times)
    .filter(([name]) => name.startsWith('torch:'))
    .map(([name, { medianMs: ms }]) => [name.slice('torch:'.length), ms] as const);
  if (torch.length > 0) {
    const [torchVariant, ms] = torch.reduce((a, b) => (b[1] < a[1] ? b : a));
    const torchStepsPerSecond = Object.fromEntries(torch.map(([variant, ms]) => [variant, perSecond(ms)]));
    rows.push(row('torch', ms, { torchMs: round(ms), torchVariant, torchStepsPerSecond }));
  }
  const tfjs = times.tfjs?.medianMs;
  if (tfjs !== undefined) rows.push(row('tfjs', tfjs, { tfjsMs: round(tfjs) }));
  return rows;
}

/** The memory of a run of steepest and of PyTorch, from KiB. */
export function memoryOf(steepestKiB: number, torchKiB: number) {
  const mib = (kib: number) => Math.round(kib / 102.4) / 10;
  return { steepestMiB: mib(steepestKiB), torchMiB: mib(torchKiB), memoryRatio: round(torchKiB / steepestKiB) };
}

/** Four digits or more. */
export function round(value: number): number {
  return Number(value.toPrecision(Math.max(4, Math.ceil(Math.log10(Math.abs(value) || 1)))));
}

/** The table for people: a line a result, with least and largest turn in brackets. */
export function table(results: readonly PeerResult[]): string {
  const memory = results.some(({ memoryRatio }) => memoryRatio !== undefined);
  const head = ['model', 'mode', 'rival', 'threads', 'batch', 'steepest ms', 'rival ms', 'ratio'];
  if (memory) head.push('steepest MiB', 'rival MiB', 'ratio');
  const lines = results.map((r) => {
    const rival = r.rival === 'torch' ? `torch:${r.torchVariant}` : r.rival;
    const cells = [r.model, r.mode, rival, `${r.threads}`, `${r.batch}`];
    cells.push(spread(r.times.steepest!), spread(r.times[rival]!), r.ratio.toFixed(2));
    if (memory)
      cells.push(...[r.steepestMiB, r.torchMiB].map((mib) => `${mib ?? '-'}`), r.memoryRatio?.toFixed(2) ?? '-');
    return cells;
  });
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)));
  return [head, ...lines]
    .map((line) => line.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Median, least and most. */
export function spread({ medianMs, minMs, maxMs }: Times): string {
  return `${round(medianMs)} (${round(minMs)}-${round(maxMs)})`;
}
