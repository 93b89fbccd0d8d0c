/** A fit as its callbacks see it. */
import { checkNumber, wrongType } from '../../errors.js';
import type { Model } from '../model.js';
import type { Network } from '../network.js';
import type { FitSettings } from '../options.js';
import type { Steps } from '../steps.js';
import type { TrainingData } from '../trainer.js';
import { readWeights, writeWeights } from '../weights.js';
import type { FitContext, MonitorName } from './callback.js';

export function fitContext(
  model: Model,
  network: Network,
  settings: FitSettings,
  data: TrainingData,
  steps: Steps,
  end: (reason: string) => void,
): FitContext {
  return {
    model,
    epochs: settings.epochs,
    monitors: monitorsOf(settings, data),
    get learningRate() {
      return steps.learningRate;
    },
    scaleLearningRate(factor) {
      checkNumber('scaleLearningRate', 'factor', factor, { min: 0, openMax: true });
      network.stateFor(settings.optimizer).rateFactor *= factor;
    },
    end(reason) {
      if (typeof reason !== 'string') throw wrongType('end', 'reason', 'a string', reason);
      end(reason);
    },
    weights: () => network.exclusive(async () => readWeights(network)),
    setWeights: (weights) => network.exclusive(async () => writeWeights(network, weights)),
  };
}

function monitorsOf({ accuracy, C }: FitSettings, { source, validation }: TrainingData): MonitorName[] {
  const counted = accuracy && (typeof source === 'function' || source.kinds.labels);
  return [
    'trainLoss',
    ...(counted ? (['trainAccuracy'] as const) : []),
    ...(C < Number.POSITIVE_INFINITY ? (['objective'] as const) : []),
    ...(validation ? (['testLoss'] as const) : []),
    ...(accuracy && validation?.kinds.labels ? (['testAccuracy'] as const) : []),
  ];
}
