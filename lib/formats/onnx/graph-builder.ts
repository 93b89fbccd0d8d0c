/** An ONNX graph as it grows: nodes, constants, and values that lie with their channels first or last, whichever is asked for. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { toBytes } from '../../numbers.js';
import type { AttributeProtoSchema, NodeProtoSchema, TensorProtoSchema } from './onnx_pb.js';

export type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;
type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

/** ONNX's numbers for types: of elements (TensorProto.DataType) and of attributes (AttributeProto.AttributeType). */
export const ELEMENT = { float: 1, int64: 7, float16: 10, double: 11 } as const;
export const ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

export const float = (f: number): AttributeInit => ({ type: ATTRIBUTE.float, f });
export const int = (i: number): AttributeInit => ({ type: ATTRIBUTE.int, i: BigInt(i) });
export const ints = (values: readonly number[]): AttributeInit => ({ type: ATTRIBUTE.ints, ints: values.map(BigInt) });

/** What a layer gives: its shape without the batch, channels last, and the names of the tensors that hold it. */
export interface Value {
  readonly shape: readonly number[];
  last?: string;
  first?: string;
}

/** Axes of a tensor [N, ...shape] with the channels brought from the last place to the first, or back. */
export const toFirst = (rank: number) => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
export const toLast = (rank: number) => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

export class GraphBuilder {
  readonly nodes: NodeInit[] = [];
  readonly initializers: TensorInit[] = [];

  /** A node of that name, which its output has too. */
  node(name: string, opType: string, input: readonly string[], attributes: Record<string, AttributeInit> = {}): string {
    const attribute = Object.entries(attributes).map(([key, value]) => ({ name: key, ...value }));
    this.nodes.push({ name, opType, input: [...input], output: [name], attribute });
    return name;
  }

  floats(name: string, shape: readonly number[], values: Float32Array): string {
    return this.#constant(name, shape, ELEMENT.float, toBytes(values));
  }

  int64s(name: string, values: readonly number[]): string {
    return this.#constant(name, [values.length], ELEMENT.int64, toBytes(BigInt64Array.from(values, BigInt)));
  }

  #constant(name: string, shape: readonly number[], dataType: number, rawData: Uint8Array): string {
    this.initializers.push({ name, dims: shape.map(BigInt), dataType, rawData });
    return name;
  }

  /** The tensor with its channels last, turned if need be. */
  channelsLast(value: Value): string {
    value.last ??= this.node(`${value.first}.channelsLast`, 'Transpose', [value.first!], {
      perm: ints(toLast(value.shape.length + 1)),
    });
    return value.last;
  }

  /** The tensor with its channels first, turned if need be. Of flat values there is only one. */
  channelsFirst(value: Value): string {
    if (value.shape.length === 1) return this.channelsLast(value);
    value.first ??= this.node(`${value.last}.channelsFirst`, 'Transpose', [value.last!], {
      perm: ints(toFirst(value.shape.length + 1)),
    });
    return value.first;
  }
}
