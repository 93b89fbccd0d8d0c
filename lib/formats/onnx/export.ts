/** Networks as ONNX files: inference, float32, any number of rows. Source: github.com/onnx/onnx, docs/IR.md and docs/Operators.md. */
import { create, toBinary } from '@bufbuild/protobuf';
import { show, wrongFormat } from '../../errors.js';
import { buildLayers, type LayerGraph } from '../../layers/graph.js';
import { packageVersion } from '../../version.js';
import { exporters } from './exporters.js';
import { ELEMENT, GraphBuilder, type Value } from './graph-builder.js';
import { ModelProtoSchema } from './onnx_pb.js';
import { STOCHASTIC_POOL, stochasticPoolFunction } from './stochastic-pool.js';

/** Of 2022: what runtimes of today read. Version 8 of the format is the first with operators that files define. */
const OPSET = 17;
const IR_VERSION = 8;

export interface ExportedNetwork {
  readonly name: string;
  readonly graph: LayerGraph;
  /** All parameters by name. */
  readonly weights: readonly { readonly name: string; readonly values: Float32Array | Float64Array }[];
}

/** The bytes of the ONNX file of a network. Throws ERR_FORMAT on a layer that is not of this library. */
export function encodeOnnx({ name, graph, weights }: ExportedNetwork): Uint8Array {
  const builder = new GraphBuilder();
  const values = new Map(weights.map((entry) => [entry.name, entry.values]));
  const input: Value = { shape: graph.inputs.shape!, last: 'input' };
  const made: Value[] = [];
  for (const { layer, label, inputs, outputShape, parameters } of buildLayers(graph)) {
    if (!Object.hasOwn(exporters, layer.kind))
      throw wrongFormat('toOnnx', `${label}: ONNX has nothing for layers of kind ${show(layer.kind)}`);
    const own = parameters.map((spec) => {
      const data = Float32Array.from(values.get(`${label}.${spec.name}`)!);
      return [spec.name, { shape: spec.shape, values: data }] as const;
    });
    const from = inputs.map((at) => (at < 0 ? input : made[at]!));
    const placed = { graph: builder, layer, label, inputs: from, outputShape, parameters: new Map(own) };
    made.push({ shape: outputShape, ...exporters[layer.kind as keyof typeof exporters](placed) });
  }
  const output = made.at(-1)!;
  const last = builder.channelsLast(output);
  const own = builder.nodes.some(({ domain }) => domain === STOCHASTIC_POOL.domain);
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      ...{ irVersion: BigInt(IR_VERSION), producerName: 'steepest', producerVersion: packageVersion() },
      opsetImport: [
        { domain: '', version: BigInt(OPSET) },
        ...(own ? [{ domain: STOCHASTIC_POOL.domain, version: BigInt(STOCHASTIC_POOL.version) }] : []),
      ],
      functions: own ? [stochasticPoolFunction(OPSET)] : [],
      graph: {
        ...{ name, node: builder.nodes, initializer: builder.initializers },
        input: [valueInfo('input', input.shape)],
        output: [valueInfo(last, output.shape)],
      },
    }),
  );
}

/** A tensor [N, ...shape], channels last. */
function valueInfo(name: string, shape: readonly number[]) {
  const sizes = shape.map((size, axis) => ({
    value: { case: 'dimValue' as const, value: BigInt(size) },
    denotation: axis === shape.length - 1 ? 'DATA_CHANNEL' : 'DATA_FEATURE',
  }));
  const batch = { value: { case: 'dimParam' as const, value: 'N' }, denotation: 'DATA_BATCH' };
  return { name, type: { tensorType: { elemType: ELEMENT.float, shape: { dim: [batch, ...sizes] } } } };
}
