/** The cases of every kernel: a kernel of kernels.def without any does not compile. */
import type { KernelName } from '../../../lib/backends/kernels.js';
import type { KernelCases } from './case.js';
import { convolution } from './convolution.js';
import { elementwise } from './elementwise.js';
import { losses } from './losses.js';
import { normalization } from './normalization.js';
import { optimizers } from './optimizers.js';
import { pooling } from './pooling.js';

export const kernelCases: Readonly<Record<KernelName, KernelCases>> = {
  ...convolution,
  ...pooling,
  ...normalization,
  ...elementwise,
  ...losses,
  ...optimizers,
};
