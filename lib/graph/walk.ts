/** The nodes that tensors are made from, in an order in which they can be computed. */
import { SteepestError, wrongType } from '../errors.js';
import { isTensor, type Node, type Tensor } from './tensor.js';

/** All nodes that lead to the tensors, inputs before what uses them (a node's tensors have greater ids than its inputs). */
export function nodesBefore(tensors: readonly Tensor[]): Node[] {
  const seen = new Set<Node>();
  const stack = tensors.map((t) => t.node);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const x of node.inputs) stack.push(x.node);
  }
  return [...seen].sort((a, b) => a.outputs[0]!.id - b.outputs[0]!.id);
}

/** Throws a TypeError unless `list` is an array of real symbolic tensors. */
export function checkRealTensors(where: string, name: string, list: unknown): asserts list is readonly Tensor[] {
  if (!Array.isArray(list)) throw wrongType(where, name, 'an array of tensors', list);
  for (const [i, x] of list.entries())
    if (!isTensor(x)) throw wrongType(where, `${name}[${i}]`, 'a symbolic tensor', x);
    else if (x.dtype !== 'real')
      throw wrongType(where, `${name}[${i}]`, 'a tensor of type real', `a tensor of type ${x.dtype}`);
}

/** The error where a derivative is asked for that an op does not have. */
export function notDifferentiable({ op, label }: Node, why = 'has no derivative'): SteepestError {
  const name = label === op.name ? op.name : `${label} (${op.name})`;
  return new SteepestError('ERR_NOT_DIFFERENTIABLE', `${name} ${why}`);
}
