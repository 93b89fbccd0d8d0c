/** The beginning of a fit: options and data are checked, the data goes to the engine, the plan is compiled; then the trainer takes over. */
import { batches, type Data, type Examples, isStream, readExamples, sliceExamples } from '../data/dataset.js';
import { atEpoch, Pipeline } from '../data/pipeline.js';
import { checkClassWeights, reweighed, withClassWeights } from '../data/weights.js';
import { wrongType } from '../errors.js';
import type { Optimizer, OptimizerName } from '../optimizers/optimizer.js';
import { checkpointToResume } from './checkpoint/options.js';
import { publish } from './diagnostics.js';
import { dataShape } from './evaluate.js';
import { type FitRun, KeptRun } from './kept-run.js';
import type { Model } from './model.js';
import type { Network } from './network.js';
import { type FitOptions, type FitSettings, readFitOptions } from './options.js';
import { profiled } from './profile.js';
import type { FitFigures } from './records.js';
import { type Scope, scoped } from './scope.js';
import { Trainer, type TrainingData } from './trainer.js';

const NOTHING_YET: FitFigures = {
  epoch: 0,
  epochs: 0,
  step: 0,
  steps: undefined,
  loss: undefined,
  learningRate: undefined,
  record: undefined,
};

/** Begins a fit: see Model.fit. `named` gives a model's optimizer of a name; `onSettings` hears of settings that fit the model; callbacks
 * are given `model`. */
export function startFit(
  network: Network,
  data: Data,
  options: FitOptions | undefined,
  named: (name: OptimizerName) => Optimizer,
  onSettings: (settings: FitSettings) => void,
  model?: Model,
): FitRun {
  const read = () => readFitOptions(options, network.seed, named);
  return new KeptRun(NOTHING_YET, (control) =>
    scoped('fit', network, control, read, async (scope, settings) => {
      control.tell({ ...NOTHING_YET, epochs: settings.epochs });
      const prepared = await prepare(network, settings, data, scope);
      const trainer = new Trainer(network, settings, scope, control, prepared, model);
      const found = await checkpointToResume('fit', settings);
      await trainer.prepare(found);
      return profiled('fit', settings.profile, async (profile) => {
        onSettings(settings);
        publish('start', model, { epochs: settings.epochs, resumed: found !== undefined });
        try {
          const history = await trainer.train(profile);
          publish('end', model, { history });
          return profile === undefined ? history : { ...history, profile };
        } catch (error) {
          publish('error', model, { error });
          throw error;
        }
      });
    }),
  );
}

/** Checks all data, then brings it to the engine. Nothing of the model changes before all of it is found good. */
async function prepare(network: Network, settings: FitSettings, data: Data, scope: Scope): Promise<TrainingData> {
  const { loss, validationData, validationSplit, classWeights } = settings;
  const shape = dataShape(network, loss);
  checkClassWeights('fit', classWeights, network.outputs);
  const weighed = (examples: Examples) => withClassWeights('fit', examples, classWeights, network.outputs);
  const held = validationData === undefined ? undefined : readExamples('fit: validationData', validationData, shape);
  if (isStream('fit', data)) {
    if (validationSplit > 0) throw wrongType('fit', 'validationSplit', 'none with a stream', validationSplit);
    if (classWeights === 'balanced')
      throw wrongType('fit', 'classWeights', 'a number for each class with a stream', classWeights);
    return {
      source: (epoch) => batches('fit', atEpoch(data, epoch), shape, weighed),
      steps: data instanceof Pipeline ? data.size : undefined,
      validation: held && (await scope.register(held)),
    };
  }
  const [all, split] = divide(readExamples('fit', data, shape), settings);
  const examples = weighed(all);
  const validation = held ?? split;
  return { source: await scope.register(examples), validation: validation && (await scope.register(validation)) };
}

/** The examples to train on, and those that validationSplit keeps from it. */
function divide(all: Examples, { validationSplit, dropRemainder, batchSize }: FitSettings): [Examples, Examples?] {
  const rows = all.rows - Math.floor(all.rows * validationSplit);
  if (dropRemainder && rows < batchSize)
    throw new RangeError(`fit: dropRemainder leaves nothing of ${rows} rows with batchSize ${batchSize}`);
  if (rows === all.rows) return [all];
  const part = (begin: number, end: number) => reweighed('fit', sliceExamples(all, begin, end));
  return [part(0, rows), part(rows, all.rows)];
}
