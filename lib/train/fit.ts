/** The beginning of a fit: options and data are checked, the data goes to the engine, the plan is compiled; then the trainer takes over. */
import { batches, type Data, type Examples, isStream, readExamples, sliceExamples } from '../data/dataset.js';
import { wrongType } from '../errors.js';
import type { Optimizer, OptimizerName } from '../optimizers/optimizer.js';
import { dataShape } from './evaluate.js';
import type { Network } from './network.js';
import { kindsOf } from './objective.js';
import { type FitOptions, type FitRecord, type FitSettings, type History, readFitOptions } from './options.js';
import { profiled } from './profile.js';
import { register } from './registered.js';
import { Run } from './run.js';
import { type MemorySource, Trainer, type TrainingData } from './trainer.js';

/** Begins a fit: see Model.fit. `named` gives a model's optimizer of a name; `onSettings` hears of settings that fit the model. */
export function startFit(
  network: Network,
  data: Data,
  options: FitOptions | undefined,
  named: (name: OptimizerName) => Optimizer,
  onSettings: (settings: FitSettings) => void,
): Run<FitRecord, History> {
  return new Run(async (control) => {
    network.check();
    if (network.fitting)
      throw new Error('fit: another fit of this model is under way; await it, or stop() it and await it');
    const settings = readFitOptions(options, network.seed, named);
    settings.signal?.throwIfAborted();
    network.fitting = true;
    const trainer = new Trainer(network, settings, control);
    try {
      const prepared = await prepare(network, settings, data, (resource) => trainer.own(resource));
      if ('rows' in prepared.source) await trainer.compile(prepared.source);
      return await profiled('fit', settings.profile, async (profile) => {
        onSettings(settings);
        const history = await trainer.train(prepared, profile);
        return profile === undefined ? history : { ...history, profile };
      });
    } finally {
      network.fitting = false;
      trainer.dispose();
    }
  });
}

/** Checks all data, then brings it to the engine. Nothing of the model changes before all of it is found good. */
async function prepare(
  network: Network,
  settings: FitSettings,
  data: Data,
  own: <T extends { dispose(): void }>(resource: T) => T,
): Promise<TrainingData> {
  const { loss, validationData, validationSplit } = settings;
  const shape = dataShape(network, loss);
  const enter = async (examples: Examples): Promise<MemorySource> => ({
    rows: examples.rows,
    registered: own(await register(network.backend, examples)),
    kinds: kindsOf(examples),
  });
  const held = validationData === undefined ? undefined : readExamples('fit: validationData', validationData, shape);
  if (isStream('fit', data)) {
    if (validationSplit > 0) throw wrongType('fit', 'validationSplit', 'none with a stream', validationSplit);
    return { source: { stream: () => batches('fit', data, shape) }, validation: held && (await enter(held)) };
  }
  const [examples, split] = divide(readExamples('fit', data, shape), settings);
  const validation = held ?? split;
  return { source: await enter(examples), validation: validation && (await enter(validation)) };
}

/** The examples to train on, and those that validationSplit keeps from it. */
function divide(all: Examples, { validationSplit, dropRemainder, batchSize }: FitSettings): [Examples, Examples?] {
  const rows = all.rows - Math.floor(all.rows * validationSplit);
  if (dropRemainder && rows < batchSize)
    throw new RangeError(`fit: dropRemainder leaves nothing of ${rows} rows with batchSize ${batchSize}`);
  return rows < all.rows ? [sliceExamples(all, 0, rows), sliceExamples(all, rows, all.rows)] : [all];
}
