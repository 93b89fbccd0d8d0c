/**
 * Forward mode: from a graph, the graph of its directional derivatives (lecture notes, chapter 6). Nodes are visited from the inputs to
 * the outputs; each op's jvp gives the tangents of its outputs from those of its inputs.
 */
import { wrongShape, wrongType } from '../errors.js';
import { fill } from './ops/sum.js';
import { checkSameShape, type Node, sameShape, showShape, type Tensor } from './tensor.js';
import { checkRealTensors, nodesBefore, notDifferentiable } from './walk.js';

/**
 * Tangents of the outputs where each primal of the pairs moves along its tangent: sum over pairs of (d output / d primal) tangent.
 * A primal is any tensor of the graph; its tangent has its shape. An output that depends on none of them has tangent zero.
 * Throws ERR_SHAPE where shapes differ, ERR_NOT_DIFFERENTIABLE where an op between has no derivative.
 * @example
 * const x = ops.input('x', ['N', 2]);
 * const [w, v] = [ops.parameter('w', [2, 1]), ops.input('v', [2, 1])];
 * const [tangent] = jvp([ops.matmul(x, w)], [[w, v]]); // x v, shape [N, 1]
 * const [values] = await compute([tangent], [[x, [1, 2, 3, 4]], [v, [1, 10]]]);
 * values; // [21, 43]
 */
export function jvp(outputs: readonly Tensor[], pairs: readonly (readonly [Tensor, Tensor])[]): Tensor[] {
  checkRealTensors('jvp', 'outputs', outputs);
  if (!Array.isArray(pairs) || !Array.from(pairs).every((pair) => Array.isArray(pair) && pair.length === 2))
    throw wrongType('jvp', 'pairs', 'an array of [primal, tangent]', pairs);
  const tangents = new Map<Tensor, Tensor>();
  for (const [primal, tangent] of pairs) {
    checkRealTensors('jvp', 'pair', [primal, tangent]);
    checkSameShape('jvp', primal, tangent);
    tangents.set(primal, tangent);
  }
  for (const node of nodesBefore(outputs)) if (node.inputs.some((x) => tangents.has(x))) forward(node, tangents);
  return outputs.map((y) => tangents.get(y) ?? fill(y.shape, 0));
}

/** The tangents of one node's outputs, except of those that were given. */
function forward(node: Node, tangents: Map<Tensor, Tensor>): void {
  const { op, inputs, outputs } = node;
  const wanted = outputs.filter((y) => y.dtype === 'real' && !tangents.has(y));
  if (wanted.length === 0) return;
  if (!op.jvp) throw notDifferentiable(node);
  for (const i of op.noDerivative ?? [])
    if (tangents.has(inputs[i]!)) throw notDifferentiable(node, `has no derivative by its input ${i}`);
  const found = op.jvp(
    node,
    inputs.map((x) => tangents.get(x)),
  );
  for (const y of wanted) {
    const t = found[y.index];
    if (!t) continue;
    if (!sameShape(t.shape, y.shape))
      throw wrongShape(op.name, `its jvp gave shape ${showShape(t.shape)} for an output of ${showShape(y.shape)}`);
    tangents.set(y, t);
  }
}
