/** What a run must have in common with the one that it resumes. */
import type { Model } from '../model.js';
import type { Network } from '../network.js';
import type { FitSettings } from '../options.js';
import type { TrainingData } from '../trainer.js';
import type { Setting } from './state.js';

export function settingOf(
  model: Model | undefined,
  network: Network,
  settings: FitSettings,
  { source }: TrainingData,
): Setting {
  const { loss, optimizer, batchSize, accumulate, C, clipNorm, classWeights, shuffle, seed, dropRemainder } = settings;
  const inMemory = typeof source !== 'function' && { batchSize, shuffle, seed, dropRemainder, rows: source.rows };
  return {
    device: network.backend.name,
    layers: layersOf(model),
    options: {
      "the model's seed": network.seed,
      loss: [loss.name, loss.options],
      optimizer: [optimizer.name, optimizer.options],
      C: String(C),
      clipNorm: clipNorm ?? null,
      accumulate,
      classWeights: classWeights ?? null,
      metrics: settings.accuracy ? ['loss', 'accuracy'] : ['loss'],
      data: typeof source === 'function' ? 'a stream' : source.kinds,
      ...inMemory,
    },
  };
}

/** The layers as JSON; null where some are not this library's. */
function layersOf(model: Model | undefined): unknown {
  try {
    const { inputShape, layers } = model!.toJSON();
    return { inputShape, layers };
  } catch {
    return null;
  }
}
