/** The environment of PyTorch's processes. */
import { join } from 'node:path';
import { root } from './subject.js';

/**
 * Each step of PyTorch's on a CPU allocates its tensors anew. By default glibc gives large blocks back to the system when they are freed, and
 * a step then spends up to two thirds of its time in page faults (lenet 128, 2 threads of a virtual EPYC: 95 ms, 39 ms with these).
 */
export const KEEP_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: `${2 ** 30}`,
  MALLOC_TRIM_THRESHOLD_: `${2 ** 30}`,
  MALLOC_TOP_PAD_: `${2 ** 26}`,
};

/** What torch.compile made is kept for the next run. */
export function torchEnvironment(threads: number): Record<string, string> {
  return { OMP_NUM_THREADS: `${threads}`, TORCHINDUCTOR_CACHE_DIR: join(root, 'build', 'torchinductor') };
}
