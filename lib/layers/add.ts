/** The sum of several layers' outputs: where a shortcut joins (He et al. 2016, equation 1). */
import { checkOptions, wrongShape } from '../errors.js';
import { add as sumOf } from '../graph/ops/add.js';
import { sameShape, showShape } from '../graph/tensor.js';
import { checkInputShape } from './common.js';
import type { MergeLayer } from './layer.js';

/**
 * Two inputs or more of one shape, any, added element by element. No options, no parameters.
 * @throws TypeError on options; ERR_SHAPE where the shapes differ.
 * @example connect([a, b], add())
 */
export function add(options?: Record<string, never>): MergeLayer {
  checkOptions('add', options, []);
  return {
    kind: 'add',
    options: {},
    merges: true,
    build([first, ...others], label) {
      checkInputShape(label, first!);
      for (const other of others)
        if (!sameShape(first!, other))
          throw wrongShape(
            label,
            `expected inputs of one shape but received ${showShape(first!)} and ${showShape(other)}`,
          );
      return { outputShape: first!, parameters: [] };
    },
    apply: (xs, _, { label }) => xs.reduce((a, b) => sumOf(a, b, label)),
  };
}
