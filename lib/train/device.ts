/** The choice of a device: a name, and what was wished for, become a backend. */
import type { Backend } from '../backends/backend.js';
import { createCpuBackend } from '../backends/native.js';
import { ReferenceBackend } from '../backends/reference/backend.js';
import { loadBinding } from '../binding.js';
import { checkInteger, checkOneOf, SteepestError } from '../errors.js';

/** 'auto': the cpu where the native addon loads, else the reference. */
export type Device = 'auto' | 'cpu' | 'reference' | 'cuda';

/**
 * 'fp32': float32, by the fastest algorithms; 'strict': float32, without those that lose a digit (Winograd's with tiles of 4);
 * 'float64': the reference's alone. 'float32' is another name for 'fp32'.
 */
export type ModelPrecision = 'fp32' | 'strict' | 'float32' | 'float64';
export const precisionNames = ['fp32', 'strict', 'float32', 'float64'] as const satisfies readonly ModelPrecision[];

export interface DeviceOptions {
  /** Default 'auto'. */
  readonly device?: Device;
  /** Threads of the cpu, 1 to 1024. Default: its physical cores. Results do not depend on it. */
  readonly threads?: number;
  /** Default 'fp32'. */
  readonly precision?: ModelPrecision;
}

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
  const device = checkOneOf(where, 'device', options.device ?? 'auto', ['auto', 'cpu', 'reference', 'cuda']);
  const named = checkOneOf(where, 'precision', options.precision ?? 'fp32', precisionNames);
  const precision = named === 'float64' ? 'float64' : 'float32';
  const strict = named === 'strict';
  const { threads } = options;
  if (threads !== undefined) checkInteger(where, 'threads', threads, 1, 1024);
  if (device === 'cuda') throw noCuda(where);
  if (device === 'reference') return { backend: new ReferenceBackend(precision), reason: ASKED };
  if (precision === 'float64') {
    if (device === 'cpu')
      throw new RangeError(`${where}: the cpu computes in float32; float64 needs device 'reference' (or 'auto')`);
    return { backend: new ReferenceBackend(precision), reason: 'float64 was asked for, which is the reference' };
  }
  if (device === 'cpu') return { backend: createCpuBackend({ threads, strict }), reason: ASKED };
  const { error } = loadBinding();
  if (error !== undefined) return { backend: new ReferenceBackend(precision), reason: error };
  return { backend: createCpuBackend({ threads, strict }), reason: 'the native addon is there' };
}

/** Training on CUDA is not built yet; the probe says whether there would be a GPU for it. */
function noCuda(where: string): SteepestError {
  const { binding, error } = loadBinding();
  const { devices, reason } = binding?.cuda() ?? { devices: [], reason: error };
  const found = devices.length > 0 ? `the machine has ${devices.map((d) => d.name).join(', ')}` : reason;
  return new SteepestError('ERR_NO_DEVICE', `${where}: device 'cuda': training on CUDA is not built yet (${found})`);
}
