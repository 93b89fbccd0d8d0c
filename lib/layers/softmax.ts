/** softmax(x)_j = exp(x_j) / sum_i exp(x_i). */
import { activationLayer } from './activation.js';
import type { Layer } from './layer.js';

/**
 * Probabilities over the last axis: positive, of sum 1. The loss softmaxCrossEntropy goes around it, to the values before it.
 * The same as `activation: 'softmax'` of the layer before it.
 * @example softmax()
 */
export function softmax(options?: Record<string, never>): Layer {
  return activationLayer('softmax', options);
}
