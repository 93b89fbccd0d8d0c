/** What the tensors of an ONNX graph are here: layers in their places, built as the graph is read. */
import { wrongShape } from '../../errors.js';
import { FormatFailure } from '../../failure.js';
import { connect } from '../../layers/graph.js';
import type { AnyLayer, Layer, LayerOutput, MergeLayer } from '../../layers/layer.js';
import { type LayerKind, layers } from '../../layers/registry.js';

export type ParameterValues = Readonly<Record<string, Float32Array>>;

/** A layer that may still take in what follows it: a bias, an activation. */
interface Draft {
  readonly kind: LayerKind;
  readonly options: Readonly<Record<string, unknown>>;
  readonly parameters: ParameterValues;
  readonly from: readonly Value[];
}

export interface Value {
  /** Here: without the batch, channels last. */
  readonly shape: readonly number[];
  /** Where the tensor of the file has the channels. 'flat': it has no other axis. */
  readonly channels: 'first' | 'last' | 'flat';
  /** Of a flattened image whose channels were first: its shape here, [h, w, c]. The file's values are in another order than the layers'. */
  readonly mixed?: readonly number[];
  /** A mean of each channel that the file keeps as an image of 1 x 1. */
  readonly pooled?: boolean;
  readonly draft?: Draft;
}

/** The layers of a graph under construction. */
export class Layers {
  /** The parameters of each layer, by the layer's own names. */
  readonly parameters = new Map<AnyLayer, ParameterValues>();
  readonly #places = new Map<Value, LayerOutput>();

  /** The graph's input. */
  input(place: LayerOutput, value: Value): Value {
    this.#places.set(value, place);
    return value;
  }

  /** A layer behind `from`, not placed before another reads it. */
  draft(draft: Draft, rest: Omit<Value, 'draft' | 'shape'>): Value {
    const layer = make(draft);
    const shapes = draft.from.map(({ shape }) => shape);
    const label = draft.kind;
    const { outputShape, parameters } =
      'merges' in layer ? (layer as MergeLayer).build(shapes, label) : (layer as Layer).build(shapes[0]!, label);
    for (const { name, shape } of parameters) {
      const wanted = shape.reduce((product, size) => product * size, 1);
      const found = draft.parameters[name]?.length;
      if (found !== wanted)
        throw wrongShape(label, `expected ${wanted} values for ${name} [${shape.join(', ')}] but received ${found}`);
    }
    for (const value of draft.from) this.place(value);
    return { ...rest, shape: outputShape, draft };
  }

  /** The layer's place, made when it is first asked for: then it takes in nothing more. */
  place(value: Value): LayerOutput {
    const known = this.#places.get(value);
    if (known !== undefined) return known;
    if (value.draft === undefined) throw new FormatFailure('expected a layer');
    const layer = make(value.draft);
    this.parameters.set(layer, value.draft.parameters);
    const from = value.draft.from.map((input) => this.place(input));
    const place = connect(from.length === 1 ? from[0]! : from, layer);
    this.#places.set(value, place);
    return place;
  }

  /** The same place under another view. */
  view(value: Value, change: Partial<Value>): Value {
    const seen = { ...value, ...change };
    this.#places.set(seen, this.place(value));
    return seen;
  }
}

function make({ kind, options }: Draft): AnyLayer {
  return (layers[kind] as (options: unknown) => AnyLayer)(options);
}
