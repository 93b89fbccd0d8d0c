/**
 * Second derivatives times a vector, by forward mode over reverse mode (lecture notes, chapter 6; Pearlmutter 1994): as graphs, at a few times
 * the cost of a gradient. No matrix is formed.
 */
import { wrongType } from '../errors.js';
import { grad, vjp } from './grad.js';
import { jvp } from './jvp.js';
import type { Tensor } from './tensor.js';
import { checkRealTensors, nodesBefore } from './walk.js';

/** Tensors of a graph and the directions they move along: each vector has its tensor's shape. */
export type Directions = readonly (readonly [tensor: Tensor, vector: Tensor])[];

/**
 * The Hessian of a scalar loss times a vector: sum over pairs j of (d^2 loss / d tensor_i d tensor_j) vector_j, one tensor for each pair i, of
 * its shape. The graph of the gradients is moved forward along the vectors; their graph's own gradient gives the same.
 * Throws as grad and jvp do: ERR_SHAPE unless the loss has shape [] and the shapes of each pair agree; ERR_NOT_DIFFERENTIABLE.
 * @example
 * const [w, v] = [ops.parameter('w', [2]), ops.input('v', [2])];
 * const loss = ops.sum(ops.mul(ops.mul(w, w), w)); // w1^3 + w2^3, whose Hessian has 6 w1 and 6 w2 on its diagonal
 * const [Hv] = await compute(hvp(loss, [[w, v]]), [[w, [1, 2]], [v, [1, 10]]]);
 * Hv; // [6, 120]
 */
export function hvp(loss: Tensor, directions: Directions): Tensor[] {
  return jvp(grad(loss, tensorsOf('hvp', directions)), directions);
}

/**
 * The Gauss-Newton matrix of a scalar loss times a vector: J' B J v, where J is the derivative of `output` (a network's scores) by the
 * tensors of the pairs, and B the second derivative of the loss by `output`: what is left of the Hessian where `output` is taken as linear. It
 * is positive semidefinite where the loss is convex in `output`, as all losses here are. One tensor for each pair, of its shape.
 * Throws as hvp does; a TypeError where the loss is not made from `output` (softmaxCrossEntropy looks at the scores before a softmax).
 * @example
 * const [x, y] = [ops.input('x', ['N', 1]), ops.input('y', ['N', 1])];
 * const [w, v] = [ops.parameter('w', [1, 1]), ops.input('v', [1, 1])];
 * const z = ops.tanh(ops.matmul(x, w));
 * const loss = ops.mean(ops.squaredError(z, y)); // B is 2 / N, J is x (1 - z^2)
 * const [Gv] = await compute(gaussNewtonProduct(loss, z, [[w, v]]), [[x, [1, 3]], [y, [5, 5]], [w, [0]], [v, [10]]]);
 * Gv; // [100]
 */
export function gaussNewtonProduct(loss: Tensor, output: Tensor, directions: Directions): Tensor[] {
  const tensors = tensorsOf('gaussNewtonProduct', directions);
  checkRealTensors('gaussNewtonProduct', 'loss and output', [loss, output]);
  if (!nodesBefore([loss]).includes(output.node))
    throw wrongType('gaussNewtonProduct', 'output', 'a tensor that the loss is made from', output.node.label);
  const moved = jvp([output], directions);
  const curved = jvp(grad(loss, [output]), [[output, moved[0]!]]);
  return vjp([output], curved, tensors);
}

function tensorsOf(where: string, directions: Directions): Tensor[] {
  if (!Array.isArray(directions) || !directions.every((pair) => Array.isArray(pair) && pair.length === 2))
    throw wrongType(where, 'directions', 'an array of [tensor, vector]', directions);
  return directions.map(([tensor]) => tensor);
}
