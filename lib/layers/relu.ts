/** relu(x) = max(0, x) (lecture notes 1.2 and 1.3.3). */
import { activationLayer } from './activation.js';
import type { Layer } from './layer.js';

/**
 * max(0, x), element by element; any shape.
 * The same as `activation: 'relu'` of the layer before it.
 * @example relu()
 */
export function relu(options?: Record<string, never>): Layer {
  return activationLayer('relu', options);
}
