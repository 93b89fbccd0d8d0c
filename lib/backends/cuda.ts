/** The cuda backend: kernels in CUDA C++ on one GPU; a step of a plan is a CUDA graph, and the data stays in the GPU's memory. */
import { type Binding, loadBinding } from '../binding.js';
import { checkInteger, checkOneOf, checkOptions, SteepestError } from '../errors.js';
import type { Backend, TypedArray } from './backend.js';
import { type KernelName, kernelNames } from './kernels.js';
import { NativeBackend } from './native.js';

/** How products (dense layers, convolutions) are computed: 'tf32' and 'bf16' round their operands and add in float32. In the addon's order. */
export const cudaPrecisions = ['fp32', 'tf32', 'bf16'] as const;
export type CudaPrecision = (typeof cudaPrecisions)[number];

export interface CudaOptions {
  /** Number of the device. Default 0. */
  readonly device?: number | undefined;
  /** Default 'fp32'. */
  readonly precision?: CudaPrecision | undefined;
}

/**
 * The cuda backend.
 * @throws ERR_NO_DEVICE, with the reason, where there is no such device; TypeError or RangeError on wrong options
 */
export function createCudaBackend(options: CudaOptions = {}): Backend {
  checkOptions('cuda backend', options, ['device', 'precision']);
  const { device = 0, precision = 'fp32' } = options;
  checkInteger('cuda backend', 'device', device, 0, 63);
  checkOneOf('cuda backend', 'precision', precision, cudaPrecisions);
  const fail = (why: string | undefined) => new SteepestError('ERR_NO_DEVICE', `device 'cuda:${device}': ${why}`);
  const { binding, error } = loadBinding();
  if (binding === undefined) throw fail(error);
  const { devices, reason } = binding.cuda();
  const found = devices[device];
  if (found === undefined) throw fail(reason || `the machine has ${devices.length} CUDA devices`);
  applyLimit(binding, device);
  return new CudaBackend(binding, device, precision, found.name);
}

class CudaBackend extends NativeBackend {
  readonly name = 'cuda';
  readonly description: string;

  constructor(binding: Binding, device: number, precision: CudaPrecision, model: string) {
    super({ binding, device, threads: 1, arithmetic: cudaPrecisions.indexOf(precision) });
    this.description = `cuda:${device} (${model}, ${precision})`;
  }

  timeKernel(
    kernel: KernelName,
    buffers: readonly (TypedArray | undefined)[],
    ints: readonly number[],
    reals: readonly number[],
    times: number,
  ): number[] {
    const { binding, device, arithmetic } = this.target;
    const [whole, real] = [Float64Array.from(ints), Float64Array.from(reals)];
    const index = kernelNames.indexOf(kernel);
    return Array.from(binding.timeKernel(index, buffers, whole, real, device, arithmetic, times), (ns) => ns / 1e6);
  }
}

/** STEEPEST_CUDA_MEMORY: the most bytes that steepest takes of each GPU's memory. */
function applyLimit(binding: Binding, device: number): void {
  const text = process.env.STEEPEST_CUDA_MEMORY;
  if (text === undefined || text === '') return;
  const bytes = Number(text);
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new RangeError(`STEEPEST_CUDA_MEMORY: expected a number of bytes but received '${text}'`);
  binding.limitMemory(device, bytes);
}
