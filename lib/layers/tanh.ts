/** tanh(x) (lecture notes 1.2). */
import { activationLayer } from './activation.js';
import type { Layer } from './layer.js';

/**
 * tanh(x), element by element; any shape.
 * The same as `activation: 'tanh'` of the layer before it.
 * @example tanh()
 */
export function tanh(options?: Record<string, never>): Layer {
  return activationLayer('tanh', options);
}
