/** Calls of one kernel on a GPU, ours and PyTorch's in turns, each call by the device's own clock: operands are there, and launches queued. */
import type { Backend } from '../../lib/backends/backend.js';
import { spread, type Times, timesOf } from './compare.js';
import type { PeerPrecision } from './options.js';
import type { Worker } from './worker.js';

/** Of the slower one's turn. */
const TURN_MILLISECONDS = 20;
const [LEAST_CALLS, MOST_CALLS] = [5, 200];
/** Of ours, before those that count; PyTorch's side has two. */
const WARM_UP = 2;

export type Buffers = readonly (Float32Array | undefined)[];

/** What is the same in all rows of kernels on a GPU. */
export function differs(precision: PeerPrecision): { readonly differs?: string } {
  return precision === 'bf16' ? { differs: 'steepest reads and writes float32, torch bfloat16' } : {};
}

/** The head of a table of kernels, and a line of it. */
export const heading = (where: string, what: string) =>
  `${where}; ms ${what}: median (least-most); ratio: torch / steepest\n${'steepest'.padStart(32)}${'torch'.padStart(32)}  ratio`;
export const line = (ours: Times, torch: Times, ratio: number, what: string) =>
  `${spread(ours).padStart(32)}${spread(torch).padStart(32)}  ${ratio.toFixed(2).padStart(5)}  ${what}`;

export interface DeviceCall {
  readonly kernel: 'gemm' | 'conv2d_forward' | 'conv2d_backward_input' | 'conv2d_backward_filter';
  readonly buffers: Buffers;
  readonly ints: readonly number[];
}

/** Milliseconds of a call: of all calls of all turns. PyTorch's worker has been given the same call. */
export async function timeOnDevice(
  { kernel, buffers, ints }: DeviceCall,
  backend: Backend,
  worker: Worker,
  repeats: number,
): Promise<[Times, Times]> {
  const ours = (calls: number) => backend.timeKernel!(kernel, buffers, ints, [], calls + WARM_UP).slice(WARM_UP);
  const theirs = async (calls: number) => (await worker.ask<{ ms: number[] }>('time', calls)).ms;
  const slowest = Math.max(timesOf(ours(LEAST_CALLS)).medianMs, timesOf(await theirs(LEAST_CALLS)).medianMs);
  const calls = Math.max(LEAST_CALLS, Math.min(MOST_CALLS, Math.round(TURN_MILLISECONDS / slowest)));
  const all: [number[], number[]] = [[], []];
  for (let i = 0; i < repeats; i++) {
    all[0].push(...ours(calls));
    all[1].push(...(await theirs(calls)));
  }
  return [timesOf(all[0]), timesOf(all[1])];
}
