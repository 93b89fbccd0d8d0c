/** The choice of a device: a name, and what was wished for, become a backend. */
import { cpus, totalmem } from 'node:os';
import type { Backend } from '../backends/backend.js';
import { createCpuBackend } from '../backends/cpu.js';
import { type CudaPrecision, createCudaBackend } from '../backends/cuda.js';
import { ReferenceBackend } from '../backends/reference/backend.js';
import { loadBinding } from '../binding.js';
import { checkInteger, checkOneOf } from '../errors.js';

/** 'auto': the cpu where the native addon loads, else the reference. 'cuda': the first GPU, as 'cuda:0'. */
export type Device = 'auto' | 'cpu' | 'reference' | 'cuda' | `cuda:${number}`;
export const deviceNames = ['auto', 'cpu', 'reference', 'cuda'] as const satisfies readonly Device[];

/**
 * 'fp32': float32, by the fastest algorithms; 'strict': float32, without those that lose a digit (Winograd's with tiles of 4);
 * 'tf32', 'bf16': on CUDA, products of operands rounded to 10 or 7 bits behind the point, added in float32, with weights in float32;
 * 'float64': the reference's alone. 'float32' is another name for 'fp32'.
 */
export type ModelPrecision = 'fp32' | 'strict' | 'tf32' | 'bf16' | 'float32' | 'float64';
export const precisionNames = [
  'fp32',
  'strict',
  'tf32',
  'bf16',
  'float32',
  'float64',
] as const satisfies readonly ModelPrecision[];

export interface DeviceOptions {
  /** Default 'auto'. */
  readonly device?: Device;
  /** Threads of the cpu, 1 to 1024. Default: its physical cores. Results do not depend on it. */
  readonly threads?: number;
  /** Default 'fp32'. */
  readonly precision?: ModelPrecision;
}

export const deviceOptionNames = ['device', 'threads', 'precision'] as const satisfies (keyof DeviceOptions)[];

export interface ChosenDevice {
  readonly backend: Backend;
  /** Why this one, in a few words. */
  readonly reason: string;
}

const ASKED = 'asked for';

/**
 * The backend for these options.
 * @throws ERR_NO_DEVICE where the device asked for is not there; TypeError, RangeError on options
 */
export function chooseDevice(where: string, options: DeviceOptions): ChosenDevice {
  const named = options.device ?? 'auto';
  const gpu = gpuNumber(named);
  const device =
    gpu === undefined ? checkOneOf(where, 'device', named as (typeof deviceNames)[number], deviceNames) : 'cuda';
  const precision = checkOneOf(where, 'precision', options.precision ?? 'fp32', precisionNames);
  const { threads } = options;
  if (threads !== undefined) checkInteger(where, 'threads', threads, 1, 1024);
  if (device === 'cuda')
    return { backend: createCudaBackend({ device: gpu, precision: cudaPrecision(where, precision) }), reason: ASKED };
  if (precision === 'tf32' || precision === 'bf16')
    throw new RangeError(`${where}: precision '${precision}' needs device 'cuda'`);
  const bits = precision === 'float64' ? 'float64' : 'float32';
  if (device === 'reference') return { backend: new ReferenceBackend(bits), reason: ASKED };
  if (bits === 'float64') {
    if (device === 'cpu')
      throw new RangeError(`${where}: the cpu computes in float32; float64 needs device 'reference' (or 'auto')`);
    return { backend: new ReferenceBackend(bits), reason: 'float64 was asked for, which is the reference' };
  }
  const strict = precision === 'strict';
  if (device === 'cpu') return { backend: createCpuBackend({ threads, strict }), reason: ASKED };
  const { error } = loadBinding();
  if (error !== undefined) return { backend: new ReferenceBackend(bits), reason: error };
  return { backend: createCpuBackend({ threads, strict }), reason: 'the native addon is there' };
}

/** 0 of 'cuda' and 'cuda:0', 1 of 'cuda:1'; undefined of other names. */
export function gpuNumber(device: unknown): number | undefined {
  if (device === 'cuda') return 0;
  const number = typeof device === 'string' ? /^cuda:(\d{1,2})$/.exec(device)?.[1] : undefined;
  return number === undefined ? undefined : Number(number);
}

function cudaPrecision(where: string, precision: ModelPrecision): CudaPrecision {
  if (precision === 'tf32' || precision === 'bf16') return precision;
  if (precision === 'float64')
    throw new RangeError(`${where}: CUDA computes in float32; float64 needs device 'reference' (or 'auto')`);
  return 'fp32'; // whose sums are direct: 'strict' too
}

/** A device that models may run on. */
export interface DeviceInfo {
  /** What to give as `device`. */
  readonly name: Device;
  /** The processor's name, as far as it is known. */
  readonly model: string;
  /** Bytes of its memory. */
  readonly memory: number;
  /** Of a GPU: its compute capability, such as '9.0', and its number of multiprocessors. */
  readonly capability?: string;
  readonly multiprocessors?: number;
}

/**
 * The devices of this machine, the cpu first; where the native addon does not load, the reference alone. Asks the CUDA driver, which takes some
 * 100 ms where there is one; why no GPU was found is in `steepest doctor`.
 */
export function devices(): DeviceInfo[] {
  const { binding } = loadBinding();
  const memory = totalmem();
  if (binding === undefined) return [{ name: 'reference', model: cpus()[0]?.model ?? 'unknown', memory }];
  const gpus = binding.cuda().devices.map((gpu, i): DeviceInfo => {
    const { name: model, memory, capability, multiprocessors } = gpu;
    return { name: `cuda:${i}`, model, memory, capability, multiprocessors };
  });
  return [{ name: 'cpu', model: binding.info().cpu, memory }, ...gpus];
}
