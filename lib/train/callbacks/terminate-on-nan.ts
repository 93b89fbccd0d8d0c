/** Ends a fit whose loss is no longer a number. */
import type { Callback } from './callback.js';

/**
 * Ends the fit soon after a step whose loss is NaN or infinite (within some tens of milliseconds: losses are looked at several times a second). The
 * history's reason is 'terminateOnNaN'; the weights are what they became.
 * @example const { reason } = await model.fit(data, { callbacks: [terminateOnNaN()] });
 */
export function terminateOnNaN(): Callback {
  const name = 'terminateOnNaN';
  return {
    name,
    onLosses(losses, fit) {
      if (!losses.every(Number.isFinite)) fit.end(name);
    },
  };
}
