/**
 * Reverse mode: from a graph, the graph of its gradients (lecture notes 3.2 and chapter 6). Nodes are visited from the outputs back to
 * the inputs; each op's vjp gives what its outputs' gradients mean for its inputs, and what reaches a tensor from several sides adds up.
 */
import { wrongShape } from '../errors.js';
import { add } from './ops/add.js';
import { fill } from './ops/sum.js';
import { checkSameShape, constant, labelled, type Node, sameShape, showShape, type Tensor } from './tensor.js';
import { checkRealTensors, nodesBefore, notDifferentiable } from './walk.js';

/**
 * Gradients of a scalar loss with respect to tensors of its graph: one tensor for each of `wrt`, of its shape. A gradient that the loss
 * does not depend on is zero. Throws ERR_SHAPE unless the loss has shape [], ERR_NOT_DIFFERENTIABLE where an op between has no derivative.
 * @example
 * const [x, w] = [ops.input('x', ['N', 2]), ops.parameter('w', [2, 1])];
 * const loss = ops.sum(ops.tanh(ops.matmul(x, w))); // shape []
 * const [dx, dw] = grad(loss, [x, w]); // shapes [N, 2] and [2, 1]
 * const values = await compute([dx, dw], [[x, [1, 2, 3, 4]], [w, [0, 0]]]);
 * values; // [[0, 0, 0, 0], [4, 6]]
 */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  checkRealTensors('grad', 'loss', [loss]);
  if (loss.shape.length !== 0)
    throw wrongShape(
      'grad',
      `expected a scalar loss (shape []) but received shape ${showShape(loss.shape)}; take its mean or sum`,
    );
  return vjp([loss], [constant(1)], wrt);
}

/**
 * The loss (shape []) beside its gradients (one for each of `wrt`, of its shape): one run computes both. Throws as grad does.
 * @example
 * const w = ops.parameter('w', [3]);
 * const { value, gradients } = valueAndGrad(ops.squaredNorm(w), [w]);
 * const values = await compute([value, ...gradients], [[w, [1, 2, 3]]]);
 * values; // [[14], [2, 4, 6]]
 */
export function valueAndGrad(loss: Tensor, wrt: readonly Tensor[]): { value: Tensor; gradients: Tensor[] } {
  return { value: loss, gradients: grad(loss, wrt) };
}

/**
 * The general form: sum over outputs of (d output / d wrt)' cotangent, for each of `wrt`. Each cotangent has its output's shape.
 * Throws ERR_SHAPE where it has not, ERR_NOT_DIFFERENTIABLE where an op between has no derivative.
 * @example
 * const [x, u] = [ops.input('x', ['N', 2]), ops.input('u', ['N', 1])];
 * const w = ops.parameter('w', [2, 1]);
 * const [dw] = vjp([ops.matmul(x, w)], [u], [w]); // x'u, shape [2, 1]
 * const [values] = await compute([dw], [[x, [1, 2, 3, 4]], [u, [1, 10]]]);
 * values; // [31, 42]
 */
export function vjp(outputs: readonly Tensor[], cotangents: readonly Tensor[], wrt: readonly Tensor[]): Tensor[] {
  checkRealTensors('vjp', 'outputs', outputs);
  checkRealTensors('vjp', 'cotangents', cotangents);
  checkRealTensors('vjp', 'wrt', wrt);
  if (outputs.length !== cotangents.length)
    throw wrongShape('vjp', `${outputs.length} outputs need as many cotangents, not ${cotangents.length}`);
  const gradients = new Map<Tensor, Tensor>();
  for (const [i, y] of outputs.entries()) {
    checkSameShape('vjp', y, cotangents[i]!);
    accumulate(gradients, y, cotangents[i]!);
  }
  const nodes = nodesBefore(outputs);
  const needed = dependents(nodes, new Set(wrt));
  for (const node of nodes.reverse())
    if (node.inputs.some((x) => needed.has(x)) && node.outputs.some((y) => gradients.has(y)))
      backward(node, gradients, needed);
  return wrt.map((x) => gradients.get(x) ?? fill(x.shape, 0));
}

/** The real tensors that are in `wrt` or made from one that is; `nodes` stand in order. */
function dependents(nodes: readonly Node[], wrt: ReadonlySet<Tensor>): Set<Tensor> {
  const found = new Set(wrt);
  for (const node of nodes)
    if (node.inputs.some((x) => found.has(x))) for (const y of node.outputs) if (y.dtype === 'real') found.add(y);
  return found;
}

/** Passes the gradients of one node's outputs on to those of its inputs that are needed. */
function backward(node: Node, gradients: Map<Tensor, Tensor>, needed: ReadonlySet<Tensor>): void {
  const { op, inputs, outputs } = node;
  if (!op.vjp) throw notDifferentiable(node);
  const cotangents = outputs.map((y) => gradients.get(y));
  const contributions = labelled(node.label, () => op.vjp!(node, cotangents));
  for (const [i, x] of inputs.entries()) {
    if (!needed.has(x)) continue;
    if (op.noDerivative?.includes(i)) throw notDifferentiable(node, `has no derivative by its input ${i}`);
    const dx = contributions[i];
    if (dx) accumulate(gradients, x, dx, node);
  }
}

function accumulate(gradients: Map<Tensor, Tensor>, x: Tensor, dx: Tensor, node?: Node): void {
  if (node && !sameShape(x.shape, dx.shape))
    throw wrongShape(
      node.op.name,
      `its vjp gave shape ${showShape(dx.shape)} for an input of shape ${showShape(x.shape)}`,
    );
  const before = gradients.get(x);
  gradients.set(x, before ? add(before, dx) : dx);
}
