/** The choice of a device: a name and what was wished for become a backend. */
import type { Backend, Precision } from '../backends/backend.js';
import { ReferenceBackend } from '../backends/reference/backend.js';
import { checkInteger, checkOneOf, SteepestError } from '../errors.js';

export type Device = 'auto' | 'cpu' | 'reference' | 'cuda';

export interface DeviceOptions {
  readonly device?: Device;
  readonly threads?: number;
  readonly precision?: Precision;
}

export interface ChosenDevice {
  readonly backend: Backend;
  /** Why this one, in a few words. */
  readonly reason: string;
}

export function chooseDevice(where: string, options: DeviceOptions): ChosenDevice {
  const device = checkOneOf(where, 'device', options.device ?? 'auto', ['auto', 'cpu', 'reference', 'cuda']);
  const precision = checkOneOf(where, 'precision', options.precision ?? 'float32', ['float32', 'float64']);
  if (options.threads !== undefined) checkInteger(where, 'threads', options.threads, 1, 1024);
  if (device === 'cuda') throw new SteepestError('ERR_NO_DEVICE', `${where}: no CUDA`);
  return { backend: new ReferenceBackend(precision), reason: 'asked for' };
}
