/** The choice of a device: a name, and what was wished for, become a backend. */
import type { Backend, Precision } from '../backends/backend.js';
import { createCpuBackend } from '../backends/native.js';
import { ReferenceBackend } from '../backends/reference/backend.js';
import { loadBinding } from '../binding.js';
import { checkInteger, checkOneOf, SteepestError } from '../errors.js';

/** 'auto': the cpu where the native addon loads, else the reference. */
export type Device = 'auto' | 'cpu' | 'reference' | 'cuda';

export interface DeviceOptions {
  /** Default 'auto'. */
  readonly device?: Device;
  /** Threads of the cpu, 1 to 1024. Default: its physical cores. Results do not depend on it. */
  readonly threads?: number;
  /** Default 'float32'; 'float64' is the reference's alone. */
  readonly precision?: Precision;
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
  const precision = checkOneOf(where, 'precision', options.precision ?? 'float32', ['float32', 'float64']);
  const { threads } = options;
  if (threads !== undefined) checkInteger(where, 'threads', threads, 1, 1024);
  if (device === 'cuda') throw noCuda(where);
  if (device === 'reference') return { backend: new ReferenceBackend(precision), reason: ASKED };
  if (precision === 'float64') {
    if (device === 'cpu')
      throw new RangeError(`${where}: the cpu computes in float32; float64 needs device 'reference' (or 'auto')`);
    return { backend: new ReferenceBackend(precision), reason: 'float64 was asked for, which is the reference' };
  }
  if (device === 'cpu') return { backend: createCpuBackend({ threads }), reason: ASKED };
  const { error } = loadBinding();
  if (error !== undefined) return { backend: new ReferenceBackend(precision), reason: error };
  return { backend: createCpuBackend({ threads }), reason: 'the native addon is there' };
}

/** Training on CUDA is not built yet; the probe says whether there would be a GPU for it. */
function noCuda(where: string): SteepestError {
  const { binding, error } = loadBinding();
  const { devices, reason } = binding?.cuda() ?? { devices: [], reason: error };
  const found = devices.length > 0 ? `the machine has ${devices.map((d) => d.name).join(', ')}` : reason;
  return new SteepestError('ERR_NO_DEVICE', `${where}: device 'cuda': training on CUDA is not built yet (${found})`);
}
