/** The GPU that is measured, as the driver tells it. */
import { isGpu } from './options.js';
import { steepest } from './subject.js';

export interface Gpu {
  readonly name: string;
  readonly capability: string;
  readonly multiprocessors: number;
  readonly memoryGiB: number;
  /** Versions of CUDA: the driver's, and the one that the addon was built with. */
  readonly driver: string;
  readonly runtime: string;
}

/** The GPU that a device's name means; undefined of other devices. @throws Error where there is none */
export function gpuOf(device: string): Gpu | undefined {
  if (!isGpu(device)) return undefined;
  const { binding, error } = steepest.binding().loadBinding();
  if (binding === undefined) throw new Error(`${device}: ${error}`);
  const { devices, driver, runtime, reason } = binding.cuda();
  const found = devices[steepest.device().gpuNumber(device)!];
  if (found === undefined) throw new Error(`${device}: ${reason || `the machine has ${devices.length} CUDA devices`}`);
  const { name, capability, multiprocessors, memory } = found;
  return { name, capability, multiprocessors, memoryGiB: Math.round(memory / 2 ** 30), driver, runtime };
}
