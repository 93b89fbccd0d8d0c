/** A layer that is an activation alone. */
import { checkOptions } from '../errors.js';
import { type Activation, activate, checkInputShape } from './common.js';
import type { Layer } from './layer.js';

/** Any input shape, unchanged; no options, no parameters. */
export function activationLayer(kind: Exclude<Activation, 'linear'>, options: unknown): Layer {
  checkOptions(kind, options, []);
  return {
    kind,
    options: {},
    build(inputShape, label) {
      checkInputShape(label, inputShape);
      return { outputShape: inputShape, parameters: [] };
    },
    apply: (x, _, { label }) => activate(kind, x, label),
  };
}
