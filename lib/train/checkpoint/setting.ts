/** What a run must have in common with the one that it resumes. */
import { show } from '../../errors.js';
import { sameShape } from '../../graph/tensor.js';
import type { MinimizeSettings } from '../minimize-options.js';
import type { Model } from '../model.js';
import type { Network } from '../network.js';
import type { FitSettings } from '../options.js';
import type { Registered } from '../registered.js';
import type { TrainingData } from '../trainer.js';
import { type Contents, checkpointError, type Where } from './file.js';
import { dtypeOf, placeOf } from './tensors.js';

/** What a run must have in common with the one that it resumes, as JSON. */
export interface Setting {
  readonly device: string;
  /** The model's layers; null where they are not this library's. */
  readonly layers: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}

/** That of a fit: all but the number of its epochs. */
export function settingOf(
  model: Model | undefined,
  network: Network,
  settings: FitSettings,
  { source }: TrainingData,
): Setting {
  const { optimizer, batchSize, accumulate, C, clipNorm, shuffle, seed, dropRemainder } = settings;
  const inMemory = typeof source !== 'function' && { batchSize, shuffle, seed, dropRemainder, rows: source.rows };
  return commonSetting(model, network, settings, {
    optimizer: [optimizer.name, optimizer.options],
    C: String(C),
    clipNorm: clipNorm ?? null,
    accumulate,
    data: typeof source === 'function' ? 'a stream' : source.kinds,
    ...inMemory,
  });
}

/** That of minimize: all but the number of its iterations. */
export function minimizeSetting(
  model: Model | undefined,
  network: Network,
  settings: MinimizeSettings,
  { rows, kinds }: Registered,
): Setting {
  const { batchSize, sampleSize, seed } = settings;
  const { iterations: _, ...method } = settings.method;
  return commonSetting(model, network, settings, {
    ...method,
    C: String(settings.C ?? 0.01 * rows),
    ...{ batchSize, sampleSize: sampleSize ?? null, seed, rows },
    data: kinds,
  });
}

/** What both have, and the `options` that each has for itself. */
function commonSetting(
  model: Model | undefined,
  network: Network,
  { loss, classWeights, accuracy }: Pick<FitSettings, 'loss' | 'classWeights' | 'accuracy'>,
  options: Setting['options'],
): Setting {
  return {
    device: network.backend.name,
    layers: layersOf(model),
    options: {
      "the model's seed": network.seed,
      loss: [loss.name, loss.options],
      classWeights: classWeights ?? null,
      metrics: accuracy ? ['loss', 'accuracy'] : ['loss'],
      ...options,
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

/**
 * Throws ERR_CHECKPOINT where a checkpoint is of another model, or made with other options. `other`: what the names of tensors begin with that are no
 * parameters.
 */
export function checkSetting(
  where: Where,
  path: string,
  { state, tensors }: Contents<Setting>,
  network: Network,
  here: Setting,
  other: readonly string[],
): void {
  checkParameters(where, path, tensors, network, other);
  if (JSON.stringify(state.layers) !== JSON.stringify(here.layers))
    throw checkpointError(
      where,
      path,
      'is of another model: its layers are connected in another way, or have other options',
    );
  for (const [name, value] of Object.entries(here.options))
    if (JSON.stringify(state.options[name]) !== JSON.stringify(value))
      throw checkpointError(
        where,
        path,
        `was made with ${name} ${words(state.options[name])}, but here it is ${words(value)}`,
      );
}

function checkParameters(
  where: Where,
  path: string,
  tensors: Contents['tensors'],
  network: Network,
  other: readonly string[],
): void {
  const dtype = dtypeOf(network);
  const left = new Set(Object.keys(tensors).filter((name) => !other.some((prefix) => name.startsWith(prefix))));
  for (const p of network.parameters) {
    const { name, shape } = placeOf(network, p);
    const tensor = tensors[name];
    left.delete(name);
    if (tensor === undefined) throw checkpointError(where, path, `is of another model: it has no ${name}`);
    if (!sameShape(tensor.shape, shape))
      throw checkpointError(
        where,
        path,
        `is of another model: its ${name} has shape [${tensor.shape.join(', ')}] where the model has [${shape.join(', ')}]`,
      );
    if (tensor.dtype !== dtype)
      throw checkpointError(where, path, `has values in ${tensor.dtype}, but the model computes in ${dtype}`);
  }
  for (const name of left) throw checkpointError(where, path, `is of another model: the model has no ${name}`);
}

/** Throws ERR_CHECKPOINT where these are no counts and no numbers (NaN and infinities are). */
export function checkFigures(
  where: Where,
  path: string,
  counts: Readonly<Record<string, unknown>>,
  numbers: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(counts))
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw checkpointError(where, path, `has no count for ${name} but ${words(value)}`);
  for (const [name, value] of Object.entries(numbers))
    if (typeof value !== 'number') throw checkpointError(where, path, `has no number for ${name} but ${words(value)}`);
}

/** A setting as it reads in a message. */
function words(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : show(value);
}
