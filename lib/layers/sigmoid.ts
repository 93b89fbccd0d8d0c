/** sigmoid(x) = 1 / (1 + exp(-x)) (lecture notes 1.2). */
import { activationLayer } from './activation.js';
import type { Layer } from './layer.js';

/**
 * 1 / (1 + exp(-x)), element by element; any shape.
 * The same as `activation: 'sigmoid'` of the layer before it.
 * @example sigmoid()
 */
export function sigmoid(options?: Record<string, never>): Layer {
  return activationLayer('sigmoid', options);
}
