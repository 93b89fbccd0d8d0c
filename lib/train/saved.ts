/**
 * A model as JSON, and as a file: a safetensors file with the parameters by their names, and the JSON in its metadata under 'steepest'. Other
 * programs read the parameters there, in this library's layouts.
 */
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { checkInteger, checkOptions, show, wrongFormat, wrongType } from '../errors.js';
import { checkPath, replaceFile } from '../files.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  type Safetensors,
  type SafetensorsTensor,
} from '../formats/safetensors.js';
import { sameShape } from '../graph/tensor.js';
import { buildLayers, type LayerGraph } from '../layers/graph.js';
import { type GraphConfig, graphFromConfig, graphToConfig } from '../layers/registry.js';
import type { Loss, LossName } from '../losses/loss.js';
import { losses, lossFrom } from '../losses/registry.js';
import type { Weights } from './weights.js';

const FORMAT = 'steepest-model' as const;
/** Goes up with any change that an earlier version could not read. */
const VERSION = 1;
const METADATA = 'steepest';

/** A model without its parameters, as JSON. */
export interface ModelConfig extends GraphConfig {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly name: string;
  readonly seed: number;
  /** What it was trained for: the default of evaluate, and what predictClasses goes by. */
  readonly loss?: { readonly name: LossName; readonly options: Readonly<Record<string, unknown>> };
}

/** What a configuration describes. */
export interface Described {
  readonly name: string;
  readonly seed: number;
  readonly graph: LayerGraph;
  readonly loss: Loss | undefined;
}

/** The JSON form of a model. TypeError, RangeError where a layer is not one of this library's. */
export function toModelConfig({ name, seed, graph, loss }: Described): ModelConfig {
  const config: ModelConfig = {
    ...{ format: FORMAT, version: VERSION, name, seed },
    ...(loss !== undefined && Object.hasOwn(losses, loss.name) && { loss: { name: loss.name, options: loss.options } }),
    ...graphToConfig(graph),
  };
  graphFromConfig(config);
  return config;
}

/** What a configuration describes. ERR_FORMAT on one of another version; TypeError, RangeError where it is none. */
export function fromModelConfig(where: string, config: ModelConfig): Described {
  const { format, version, name, seed, loss, inputShape, layers } = config ?? {};
  if (format !== FORMAT) throw wrongType(where, 'config', `what toJSON gave, with format '${FORMAT}'`, config);
  if (version !== VERSION)
    throw wrongFormat(
      where,
      `expected a model of version ${VERSION} but received ${show(version)}; a later steepest may read it`,
    );
  checkOptions(where, config, ['format', 'version', 'name', 'seed', 'loss', 'inputShape', 'layers']);
  if (typeof name !== 'string') throw wrongType(where, 'name', 'a string', name);
  checkInteger(where, 'seed', seed);
  const graph = graphFromConfig({ inputShape, layers });
  return { name, seed, graph, loss: loss === undefined ? undefined : lossFrom(loss?.name, loss?.options) };
}

/** Writes a model's file, whole or not at all. */
export async function writeModelFile(
  path: string | URL,
  config: ModelConfig,
  weights: readonly Weights[],
): Promise<void> {
  const tensors = Object.fromEntries(
    weights.map(({ name, shape, values }): [string, SafetensorsTensor] => [
      name,
      { dtype: values instanceof Float64Array ? 'F64' : 'F32', shape, data: values },
    ]),
  );
  const bytes = encodeSafetensors(tensors, { [METADATA]: JSON.stringify(config) });
  await replaceFile('save', 'the model', checkPath('save', path), bytes);
}

/** Whether a safetensors file says that it is a model of this library. */
export function isModelFile({ metadata }: Safetensors): boolean {
  return Object.hasOwn(metadata, METADATA);
}

export interface SavedModel extends Described {
  readonly weights: readonly Pick<Weights, 'name' | 'values'>[];
}

/**
 * Reads a model's file. Nothing is made before all is known to fit.
 * @throws (rejects) ERR_FORMAT, with the file's name, where it is damaged, of another version, or has a layer that is not known.
 */
export async function readModelFile(where: string, source: ByteSource): Promise<SavedModel> {
  const name = sourceName(where, source);
  const { tensors, metadata } = decodeSafetensors(await readSource(source), { name, where });
  const text = metadata[METADATA];
  const fail = (message: string, cause?: unknown) => wrongFormat(where, `${name}: ${message}`, cause);
  if (text === undefined) throw fail('expected a model that was saved by steepest but the file has tensors alone');
  try {
    const described = fromModelConfig('config', JSON.parse(text));
    return { ...described, weights: parametersOf(described.graph, tensors) };
  } catch (error) {
    throw fail((error as Error).message, error);
  }
}

/** The values of the network's parameters: all are there, of their shapes, of one type, and nothing else. */
function parametersOf(graph: LayerGraph, tensors: Readonly<Record<string, SafetensorsTensor>>) {
  const left = new Map(Object.entries(tensors));
  const type = left.values().next().value?.dtype ?? 'F32';
  if (type !== 'F32' && type !== 'F64')
    throw new RangeError(`expected F32 or F64 for the parameters but received ${type}`);
  const weights = buildLayers(graph).flatMap(({ label, parameters }) =>
    parameters.map((spec) => {
      const name = `${label}.${spec.name}`;
      const tensor = left.get(name);
      left.delete(name);
      const wanted = `${type} [${spec.shape.join(', ')}]`;
      if (tensor === undefined) throw new RangeError(`expected the tensor ${name}, ${wanted}`);
      if (tensor.dtype !== type || !sameShape(tensor.shape, spec.shape))
        throw new RangeError(
          `expected ${wanted} for ${name} but received ${tensor.dtype} [${tensor.shape.join(', ')}]`,
        );
      return { name, values: tensor.data as Float32Array | Float64Array };
    }),
  );
  for (const name of left.keys()) throw new RangeError(`the tensor ${show(name)} belongs to no layer`);
  return weights;
}
