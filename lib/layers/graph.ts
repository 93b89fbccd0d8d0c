/**
 * Networks as graphs of layers. `connect` puts layers behind others, `buildLayers` checks shapes and gives names, `applyLayers` composes
 * the ops. A list of layers (`sequential`) is a graph that is a chain; a block (`residual`) is a graph in place of one layer.
 */
import { wrongShape, wrongType } from '../errors.js';
import { isBatched, showShape, type Tensor } from '../graph/tensor.js';
import { checkInputShape } from './common.js';
import type { AnyLayer, ApplyContext, BlockLayer, Layer, LayerOutput, MergeLayer, ParameterSpec } from './layer.js';

let nextId = 0;

/**
 * The input of a network that `model` makes. `shape` has no batch: [32, 32, 3].
 * @throws TypeError, ERR_SHAPE unless it is a list of sizes >= 1.
 * @example
 * const x = input([32, 32, 3]);
 * const y = connect(x, conv2d({ filters: 3, kernelSize: 3, padding: 'same' }), relu());
 * const net = model({ inputs: x, outputs: connect([x, y], add(), globalAveragePool2d(), dense({ units: 10 })) });
 */
export function input(shape: readonly number[]): LayerOutput {
  checkInputShape('input', shape);
  return { id: nextId++, layer: undefined, inputs: [], shape: [...shape] };
}

/**
 * Puts layers behind `from`, each behind the one before it; gives the last one's output. A layer that merges (`add`) stands first and
 * takes a list of outputs. A layer connected twice has parameters of its own at each place. Shapes are checked when the model is made.
 * @throws TypeError on what is no output or no layer, or where a layer takes another number of inputs.
 * @example connect([connect(x, dense({ units: 8 })), x], add(), relu())
 */
export function connect(from: LayerOutput | readonly LayerOutput[], ...layers: readonly AnyLayer[]): LayerOutput {
  return chain('connect', from, layers);
}

/** `connect` for messages that begin with `where`. */
export function chain(where: string, from: LayerOutput | readonly LayerOutput[], layers: readonly AnyLayer[]) {
  let inputs = (Array.isArray(from) ? from : [from]) as readonly LayerOutput[];
  for (const x of inputs)
    if (!isLayerOutput(x)) throw wrongType(where, 'from', 'what input() or connect() made, or a list of them', x);
  if (!Array.isArray(layers)) throw wrongType(where, 'layers', 'an array of layers', layers);
  for (const [i, layer] of layers.entries()) {
    if (!isLayer(layer)) throw wrongType(where, `layers[${i}]`, 'a layer', layer);
    const wanted = isMerge(layer) ? 'two inputs or more: connect([a, b], ...)' : 'one input';
    if (isMerge(layer) !== inputs.length > 1)
      throw new TypeError(`${where}: ${layer.kind} takes ${wanted}, but received ${inputs.length}`);
    inputs = [{ id: nextId++, layer, inputs }];
  }
  if (inputs.length !== 1) throw new TypeError(`${where}: expected a layer that merges ${inputs.length} inputs`);
  return inputs[0]!;
}

function isLayer(value: unknown): value is AnyLayer {
  const layer = value as Partial<Layer & BlockLayer> | null | undefined;
  const builds = typeof layer?.build === 'function' && typeof layer.apply === 'function';
  return builds || typeof layer?.expand === 'function';
}

function isMerge(layer: AnyLayer): layer is MergeLayer {
  return 'merges' in layer;
}

export function isLayerOutput(value: unknown): value is LayerOutput {
  return typeof value === 'object' && value !== null && 'layer' in value && 'inputs' in value;
}

/** A network: what is between its input and its output. */
export interface LayerGraph {
  readonly inputs: LayerOutput;
  readonly outputs: LayerOutput;
}

/** Layers in a row. Throws as `sequential` does. */
export function sequence(inputShape: readonly number[], layers: readonly AnyLayer[]): LayerGraph {
  const inputs = input(inputShape);
  const outputs = chain('sequential', inputs, layers);
  if (layers.length === 0) throw new RangeError('sequential: expected at least one layer but received none');
  return { inputs, outputs };
}

export interface BuiltLayer {
  readonly layer: Layer | MergeLayer;
  /** Its name in the model: 'conv2d_1', or in a block 'residual_1.conv2d_1'. */
  readonly label: string;
  /** Places of the layers it reads; -1 is the network's input. */
  readonly inputs: readonly number[];
  readonly outputShape: readonly number[];
  readonly parameters: readonly ParameterSpec[];
  /** Place of its first parameter among the model's. */
  readonly first: number;
}

/**
 * The layers of a network, each after those it reads, the last one its output's: checked against each other's shapes, named by kind and
 * number, blocks taken apart.
 * @throws ERR_SHAPE where layers do not fit each other; a TypeError where the output depends on another input.
 */
export function buildLayers({ inputs: x, outputs }: LayerGraph): BuiltLayer[] {
  const built: BuiltLayer[] = [];
  let first = 0;

  function build(end: LayerOutput, known: Map<LayerOutput, number>, prefix: string): number {
    const counts = new Map<string, number>();
    for (const place of upTo(end)) {
      if (known.has(place)) continue;
      const { layer, inputs } = place;
      if (layer === undefined) throw new TypeError('model: the outputs depend on an input that is not in inputs');
      const number = (counts.get(layer.kind) ?? 0) + 1;
      counts.set(layer.kind, number);
      const label = `${prefix}${layer.kind}_${number}`;
      const at = inputs.map((from) => known.get(from)!);
      if ('expand' in layer) {
        const inside: LayerOutput = { id: nextId++, layer: undefined, inputs: [] };
        known.set(place, build(layer.expand(inside), new Map([[inside, at[0]!]]), `${label}.`));
        continue;
      }
      const shapes = at.map((i) => (i < 0 ? x.shape! : built[i]!.outputShape));
      const { outputShape, parameters } = isMerge(layer) ? layer.build(shapes, label) : layer.build(shapes[0]!, label);
      known.set(place, built.push({ layer, label, inputs: at, outputShape, parameters, first }) - 1);
      first += parameters.length;
    }
    return known.get(end)!;
  }

  build(outputs, new Map([[x, -1]]), '');
  return built;
}

/** `end` and all it depends on, each after what it reads. */
export function upTo(end: LayerOutput): LayerOutput[] {
  const seen = new Set([end]);
  for (const { inputs } of seen) for (const x of inputs) seen.add(x);
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Layers that draw random numbers have streams of their own, far from those of the parameters' start (0, 1, 2, ...). */
const LAYER_STREAMS = 1 << 20;

/** The output of built layers for the input x [N, ...]; `parameters` are those of all of them. */
export function applyLayers(
  built: readonly BuiltLayer[],
  x: Tensor,
  parameters: readonly Tensor[],
  context: Omit<ApplyContext, 'stream' | 'label'>,
): Tensor {
  const outputs: Tensor[] = [];
  for (const [i, { layer, label, inputs, first, parameters: specs, outputShape }] of built.entries()) {
    const own = parameters.slice(first, first + specs.length);
    const xs = inputs.map((at) => (at < 0 ? x : outputs[at]!));
    const here = { ...context, stream: LAYER_STREAMS + i, label };
    const y = isMerge(layer) ? layer.apply(xs, own, here) : layer.apply(xs[0]!, own, here);
    if (!isBatched(y.shape) || showShape(y.shape.slice(1)) !== showShape(outputShape))
      throw wrongShape(label, `promised outputs of shape ${showShape(outputShape)} but made ${showShape(y.shape)}`);
    outputs.push(y);
  }
  return outputs[outputs.length - 1]!;
}
