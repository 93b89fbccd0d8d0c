/**
 * Stochastic pooling in ONNX: an operator that the file itself defines. In inference it is sum a^2 / sum a, a = max(x, 0), and 0 where the
 * sum is 0.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { ATTRIBUTE, float, GraphBuilder } from './graph-builder.js';
import type { FunctionProtoSchema } from './onnx_pb.js';

export const STOCHASTIC_POOL = { domain: 'steepest', name: 'StochasticPool2d', version: 1 } as const;

export function stochasticPoolFunction(opset: number): MessageInitShape<typeof FunctionProtoSchema> {
  const window = ['kernel_shape', 'strides'];
  const passed = Object.fromEntries(window.map((name) => [name, { type: ATTRIBUTE.ints, refAttrName: name }]));
  const graph = new GraphBuilder();
  const a = graph.node('a', 'Relu', ['x']);
  const squares = graph.node('squares', 'AveragePool', [graph.node('square', 'Mul', [a, a])], passed);
  const sums = graph.node('sums', 'AveragePool', [a], passed);
  // The smallest normal float32: squares that are 0 stay 0.
  const least = graph.node('least', 'Constant', [], { value_float: float(2 ** -126) });
  graph.node('y', 'Div', [squares, graph.node('positive', 'Max', [sums, least])]);
  return {
    ...{ name: STOCHASTIC_POOL.name, domain: STOCHASTIC_POOL.domain, input: ['x'], output: ['y'], attribute: window },
    node: graph.nodes,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
  };
}
