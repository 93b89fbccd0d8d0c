/** What steepest holds of a device's memory, and for what. */
import { loadBinding } from '../binding.js';
import { checkOneOf, SteepestError } from '../errors.js';
import { gpuNumber } from './device.js';

/** Bytes that all threads of the process hold, outside of JavaScript's heap. */
export interface MemoryUse {
  /** All of it: the sum of the others. */
  readonly total: number;
  /** Parameters, gradients, and what optimizers and whole-data methods keep in their shape. */
  readonly weights: number;
  /** Data sets while they are trained on, evaluated or predicted from, and the order of their rows. */
  readonly data: number;
  /** What layers hand to each other, forward and backward: the memory of compiled plans. */
  readonly arenas: number;
  /** Working memory that kernels keep between calls. */
  readonly scratch: number;
  /** Constants, losses, predictions. */
  readonly other: number;
}

/**
 * The memory that steepest holds on a device: 'cpu' (default), 'cuda' or 'cuda:1'. A model's goes with `dispose`, or once the model was collected as
 * garbage; V8 is told of it, on the GPU too, so that what was dropped is collected. The reference keeps everything in typed arrays: `process.memoryUsage().arrayBuffers`.
 * @throws RangeError, TypeError on another name; ERR_NO_DEVICE where there is no such GPU
 * @example
 * const { total, weights } = memory();
 */
export function memory(device: 'cpu' | 'cuda' | `cuda:${number}` = 'cpu'): MemoryUse {
  const gpu = gpuNumber(device);
  if (gpu === undefined) checkOneOf('memory', 'device', device, ['cpu', 'cuda']);
  const { binding, error } = loadBinding();
  if (binding === undefined) {
    if (gpu !== undefined) throw new SteepestError('ERR_NO_DEVICE', `memory: device '${device}': ${error}`);
    return { total: 0, weights: 0, data: 0, arenas: 0, scratch: 0, other: 0 };
  }
  const { weights, data, arenas, scratch, other } = binding.memory(gpu ?? -1);
  return { total: weights + data + arenas + scratch + other, weights, data, arenas, scratch, other };
}
