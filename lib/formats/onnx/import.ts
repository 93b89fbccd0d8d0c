/** ONNX files as networks: those that are made of the operators that this library's layers are, whoever wrote them. */
import { fromBinary } from '@bufbuild/protobuf';
import { nearest } from '../../errors.js';
import { FormatFailure, quoted } from '../../failure.js';
import { buildLayers, input, type LayerGraph } from '../../layers/graph.js';
import { Attributes, type Constant, readTensor } from './attributes.js';
import { checkExtent } from './extent.js';
import { toFirst } from './graph-builder.js';
import { importers, type Step } from './importers.js';
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto, type ValueInfoProto } from './onnx_pb.js';
import { Layers, type Value } from './values.js';

/** From this set of operators on they mean what they mean today. */
const LEAST_OPSET = 13;

export interface ImportedNetwork {
  readonly name: string;
  readonly graph: LayerGraph;
  readonly weights: readonly { readonly name: string; readonly values: Float32Array }[];
}

/** The network of an ONNX file. Throws a FormatFailure where the file is damaged or has what no layer here does. */
export function decodeOnnx(bytes: Uint8Array): ImportedNetwork {
  const graph = open(bytes);
  const { inputs, outputs, layers } = new Reading(graph).layers();
  const network = { inputs, outputs };
  const weights = buildLayers(network).flatMap(({ layer, label, parameters }) =>
    parameters.map(({ name }) => ({ name: `${label}.${name}`, values: layers.parameters.get(layer)![name]! })),
  );
  return { name: graph.name === '' ? 'onnx' : graph.name, graph: network, weights };
}

function open(bytes: Uint8Array): GraphProto {
  let model: ModelProto;
  try {
    checkExtent(bytes, ModelProtoSchema);
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    if (error instanceof FormatFailure) throw error;
    throw new FormatFailure(`expected an ONNX file but received other bytes: ${(error as Error).message}`);
  }
  const { graph, opsetImport } = model;
  const opset = Number(opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0);
  if (graph === undefined || opset === 0)
    throw new FormatFailure('expected an ONNX file, with a graph and its set of operators');
  if (opset < LEAST_OPSET)
    throw new FormatFailure(
      `expected operators of set ${LEAST_OPSET} or later but received ${opset}; onnx.version_converter converts`,
    );
  return graph;
}

/** One reading of a graph, node after node: each reads what was made before. */
class Reading {
  readonly #layers = new Layers();
  readonly #values = new Map<string, Value>();
  readonly #constants = new Map<string, Constant>();
  /** How many read each tensor. */
  readonly #readers = new Map<string, number>();

  constructor(readonly graph: GraphProto) {
    for (const tensor of graph.initializer) this.#constants.set(tensor.name, readTensor(tensor));
    for (const name of [...graph.node.flatMap((node) => node.input), ...graph.output.map(({ name }) => name)])
      this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
  }

  layers(): LayerGraph & { readonly layers: Layers } {
    const inputs = this.#input();
    for (const node of this.graph.node) this.#read(node);
    const [output] = this.graph.output;
    if (output === undefined || this.graph.output.length > 1)
      throw new FormatFailure(`expected one output but received ${this.graph.output.length}`);
    const value = this.#values.get(output.name);
    if (value === undefined) throw new FormatFailure(`nothing makes the output ${quoted(output.name)}`);
    if (value.mixed !== undefined)
      throw new FormatFailure('the output is a flattened image with its channels first, which no layer gives');
    const outputs = this.#layers.place(value);
    if (outputs === inputs) throw new FormatFailure('expected a layer at least');
    return { inputs, outputs, layers: this.#layers };
  }

  #input() {
    const open = this.graph.input.filter(({ name }) => !this.#constants.has(name));
    const [first] = open;
    if (first === undefined || open.length > 1)
      throw new FormatFailure(`expected one input but received ${open.length}`);
    const { shape, channels } = inputShape(first, this.#turned(first.name));
    const place = input(shape);
    this.#values.set(first.name, this.#layers.input(place, { shape, channels }));
    return place;
  }

  /** Whether whatever reads this tensor brings its channels to the first place: so they are last. */
  #turned(name: string): boolean {
    const readers = this.graph.node.filter((node) => node.input.includes(name));
    const perm = toFirst(4).map(BigInt).join();
    return (
      readers.length > 0 &&
      readers.every((node) => node.opType === 'Transpose' && node.attribute[0]?.ints.join() === perm)
    );
  }

  #read(node: NodeProto): void {
    const type = node.domain === '' || node.domain === 'ai.onnx' ? node.opType : `${node.domain}.${node.opType}`;
    try {
      if (!Object.hasOwn(importers, type)) throw unknown(type);
      const [output = ''] = node.output;
      for (const name of node.output)
        if (this.#values.has(name) || this.#constants.has(name))
          throw new FormatFailure(`${quoted(name)} was made before`);
      for (const name of node.output.slice(1))
        if (this.#readers.has(name)) throw new FormatFailure(`its output ${quoted(name)} is not known`);
      const attributes = new Attributes(node);
      const made = importers[type]!(this.#step(node, attributes));
      attributes.done();
      if ('values' in made) this.#constants.set(output, made);
      else this.#values.set(output, made);
    } catch (error) {
      // Layers say by a RangeError what does not fit them.
      if (!(error instanceof FormatFailure || error instanceof RangeError)) throw error;
      throw new FormatFailure(
        `node ${quoted(node.name || (node.output[0] ?? ''))} (${quoted(type)}): ${error.message}`,
      );
    }
  }

  #step(node: NodeProto, attributes: Attributes): Step {
    return {
      node,
      attributes,
      layers: this.#layers,
      value: (i) => {
        const found = this.#values.get(node.input[i] ?? '');
        if (found === undefined)
          throw new FormatFailure(`nothing before it makes its input ${quoted(node.input[i] ?? '')}`);
        return found;
      },
      constant: (i) => (node.input[i] ? this.#constants.get(node.input[i]) : undefined),
      alone: (i) => this.#readers.get(node.input[i]!) === 1,
    };
  }
}

function unknown(type: string): FormatFailure {
  const names = Object.keys(importers);
  const hint = nearest(type.slice(0, 80), names);
  return new FormatFailure(
    `no layer here does that${hint ? ` (did you mean ${hint}?)` : `; known: ${names.join(', ')}`}`,
  );
}

/** The shape of the input as it is here, channels last. Files say where they have them, or have them first. */
function inputShape({ name, type }: ValueInfoProto, turned: boolean): Pick<Value, 'shape' | 'channels'> {
  const dims = type?.tensorType?.shape?.dim ?? [];
  const shape = dims.slice(1).map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : 0));
  if (shape.length === 0 || shape.length > 8 || !shape.every((size) => Number.isSafeInteger(size) && size >= 1))
    throw new FormatFailure(`expected fixed sizes behind the first, the rows, for the input ${quoted(name)}`);
  if (shape.length === 1) return { shape, channels: 'flat' };
  if (turned || dims.at(-1)!.denotation === 'DATA_CHANNEL') return { shape, channels: 'last' };
  return { shape: [...shape.slice(1), shape[0]!], channels: 'first' };
}
