/**
 * Symbolic tensors and the contract of an op. A tensor is the result of a node; a node is an op applied to tensors.
 * Nothing is computed here: plan/compile.ts turns a graph into kernel calls, grad.ts and jvp.ts turn it into another graph.
 */
import type { IntValue } from '../backends/backend.js';
import type { DType, KernelArgs, KernelName } from '../backends/kernels.js';
import { checkOneOf, show, wrongShape, wrongType } from '../errors.js';

/** A size, or 'N': the number of images (rows) of the batch, known at run time. 'N' may only stand first. */
export type Dim = number | 'N';
export type Shape = readonly Dim[];

export interface Tensor {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly node: Node;
  /** Which of its node's outputs it is. */
  readonly index: number;
}

export interface Node {
  readonly op: Op;
  readonly inputs: readonly Tensor[];
  readonly attributes: object;
  readonly outputs: readonly Tensor[];
  /** Name for people: the layer's, or the op's. */
  readonly label: string;
}

/** A whole number in a kernel call: known now, or depending on the batch (see IntValue), or given at each step by the slot's name. */
export type IntExpr = number | (Omit<IntValue, 'slot'> & { readonly slot?: string });
export type Emit = <K extends KernelName>(kernel: K, args: KernelArgs<K, Tensor, IntExpr, number>) => void;

/** An op: one file in graph/ops. `A` is the type of its attributes. Undefined gradients and tangents stand for zero. */
// biome-ignore lint/suspicious/noExplicitAny: nodes hold ops of every attribute type
export interface Op<A = any> {
  readonly name: string;
  /** The shape rule: what the outputs are. Throws (wrongShape, wrongType) where the inputs do not fit; `where` names the layer. */
  infer(inputs: readonly Tensor[], attributes: A, where: string): readonly { shape: Shape; dtype: DType }[];
  /** Reverse mode: gradients of the inputs from those of the outputs. Missing: the op has no derivative. */
  vjp?(node: TypedNode<A>, gradients: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  /** Forward mode: tangents of the outputs from those of the inputs. */
  jvp?(node: TypedNode<A>, tangents: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  /** Places of real inputs that vjp and jvp leave out: a derivative that goes through them throws ERR_NOT_DIFFERENTIABLE. */
  readonly noDerivative?: readonly number[];
  /** The kernel calls that compute the outputs. Missing: a source, or a view. */
  emit?(node: TypedNode<A>, emit: Emit): void;
  /** The output is the first input under another shape: no call, the same memory. */
  readonly view?: boolean;
}
export interface TypedNode<A> extends Node {
  readonly attributes: A & object;
}

let nextId = 0;
let inheritedLabel: string | undefined;

/** Runs `make`; the nodes it makes without a label of their own take this one: the gradients of a layer carry the layer's name. */
export function labelled<T>(label: string, make: () => T): T {
  const outer = inheritedLabel;
  inheritedLabel = label;
  try {
    return make();
  } finally {
    inheritedLabel = outer;
  }
}

/** Applies an op: checks the inputs, infers the shapes, makes the node. Returns its output tensors. */
export function apply<A extends object>(
  op: Op<A>,
  inputs: readonly Tensor[],
  attributes: A,
  label?: string,
): readonly Tensor[] {
  if (label !== undefined && typeof label !== 'string') throw wrongType(op.name, 'the label', 'a string', label);
  const where = label ?? inheritedLabel ?? op.name;
  for (const [i, x] of inputs.entries()) if (!isTensor(x)) throw wrongType(where, `input ${i}`, 'a symbolic tensor', x);
  const outputs: Tensor[] = [];
  const node: Node = { op, inputs, attributes, outputs, label: where };
  for (const { shape, dtype } of op.infer(inputs, attributes, where))
    outputs.push({ id: nextId++, shape, dtype, node, index: outputs.length });
  return outputs;
}

/** `apply` for an op with one output. */
export function apply1<A extends object>(op: Op<A>, inputs: readonly Tensor[], attributes: A, label?: string): Tensor {
  return apply(op, inputs, attributes, label)[0]!;
}

export function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'node' in value && 'shape' in value && 'dtype' in value;
}

// ---- sources ----

export interface SourceAttributes {
  readonly name: string;
  /** Constants only: the values, row-major. */
  readonly values?: Float64Array | undefined;
  /** Parameters only. */
  readonly trainable?: boolean;
}

const source = (name: 'input' | 'parameter' | 'constant'): Op<SourceAttributes & { shape: Shape; dtype: DType }> => ({
  name,
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
});
export const inputOp = source('input');
export const parameterOp = source('parameter');
export const constantOp = source('constant');

/** A tensor whose values are given when the graph runs. `shape` may begin with 'N' (the batch). */
export function input(name: string, shape: Shape, dtype: DType = 'real'): Tensor {
  checkName('input', name);
  checkOneOf('input', 'dtype', dtype, ['real', 'i32', 'u16', 'u8']);
  return apply1(inputOp, [], { name, shape: checkShape('input', shape), dtype }, name);
}

/** A tensor that is kept from step to step, usually trained: never batched. */
export function parameter(name: string, shape: readonly number[], trainable = true): Tensor {
  checkName('parameter', name);
  const attributes = { name, shape: checkShape('parameter', shape), dtype: 'real' as const, trainable };
  return apply1(parameterOp, [], attributes, name);
}

function checkName(where: string, name: unknown): void {
  if (typeof name !== 'string') throw wrongType(where, 'name', 'a string', name);
}

/** Whether a parameter is one that optimizers change. */
export function isTrainable({ node }: Tensor): boolean {
  return (node.attributes as SourceAttributes).trainable === true;
}

/** A tensor of fixed values, row-major; a number is a scalar (shape []). */
export function constant(values: number | ArrayLike<number>, shape?: readonly number[]): Tensor {
  const array = checkValues(values);
  const dims = checkShape('constant', shape ?? (typeof values === 'number' ? [] : [array.length]));
  const { fixed } = elements(dims);
  if (fixed !== array.length)
    throw wrongShape('constant', `shape ${showShape(dims)} has ${fixed} elements but ${array.length} were given`);
  return apply1(constantOp, [], { name: 'constant', values: array, shape: dims, dtype: 'real' as const });
}

function checkValues(values: unknown): Float64Array {
  if (typeof values === 'number') return Float64Array.of(values);
  if (!Array.isArray(values) && (!ArrayBuffer.isView(values) || values instanceof DataView))
    throw wrongType('constant', 'values', 'a number or an array of numbers', values);
  const list = values as ArrayLike<unknown>;
  const array = new Float64Array(list.length);
  for (let i = 0; i < array.length; i++) {
    const value = list[i];
    if (typeof value !== 'number') throw wrongType('constant', `values[${i}]`, 'a number', value);
    array[i] = value;
  }
  return array;
}

export function isSource(tensor: Tensor): boolean {
  const { op } = tensor.node;
  return op === inputOp || op === parameterOp || op === constantOp;
}

// ---- shapes ----

function checkShape(where: string, shape: unknown): Shape {
  if (!Array.isArray(shape)) throw wrongType(where, 'shape', 'an array of sizes', shape);
  for (const [i, d] of shape.entries())
    if (!(d === 'N' && i === 0) && !(Number.isInteger(d) && d >= 0))
      throw new RangeError(`${where}: expected sizes >= 0 ('N' may stand first) for shape but received ${show(shape)}`);
  return shape as Shape;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

export function isBatched(shape: Shape): boolean {
  return shape[0] === 'N';
}

/** The number of elements of a shape: `fixed`, or `perImage` times the batch. */
export function elements(shape: Shape): { readonly fixed: number; readonly perImage: number } {
  const rest = shape.reduce<number>((product, d) => (d === 'N' ? product : product * d), 1);
  return isBatched(shape) ? { fixed: 0, perImage: rest } : { fixed: rest, perImage: 0 };
}

/** A size as a number of a kernel call: 'N' is the images at hand. */
export function dim(d: Dim, times = 1): IntExpr {
  return d === 'N' ? { fixed: 0, perImage: times } : d * times;
}

/** The product of the shape's leading sizes down to the last but one, and the last: rows x k. A scalar or vector is one row. */
export function rowsAndColumns(shape: Shape): { rows: IntExpr; k: number } {
  if (shape.length === 0) return { rows: 1, k: 1 };
  const last = shape[shape.length - 1]!;
  if (last === 'N') return { rows: { fixed: 0, perImage: 1 }, k: 1 };
  return { rows: elements(shape.slice(0, -1)), k: last };
}

/** Images, height, width, channels of a tensor [N, H, W, C]; throws ERR_SHAPE with the layer's name otherwise. */
export function imageShape(where: string, x: Tensor): { n: Dim; h: number; w: number; c: number } {
  const [n, h, w, c] = x.shape;
  if (x.shape.length !== 4 || typeof h !== 'number' || typeof w !== 'number' || typeof c !== 'number')
    throw wrongShape(where, `expected images [N, H, W, C] but received shape ${showShape(x.shape)}`);
  return { n: n!, h, w, c };
}

/** Throws ERR_SHAPE unless the two tensors have one shape. */
export function checkSameShape(where: string, a: Tensor, b: Tensor): void {
  if (!sameShape(a.shape, b.shape))
    throw wrongShape(where, `shapes ${showShape(a.shape)} and ${showShape(b.shape)} differ`);
}
