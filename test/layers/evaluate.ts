/** Computes a graph for a batch of `n` by the reference kernels, one call an op: enough to see numbers without a plan. */
import type { DType } from '../../lib/backends/kernels.js';
import { kernelSpecs } from '../../lib/backends/kernels.js';
import { referenceKernels } from '../../lib/backends/reference/index.js';
import { elements, type IntExpr, isSource, type Tensor } from '../../lib/graph/tensor.js';

type Values = Float64Array | Int32Array | Uint16Array;
export type Feed = ReadonlyMap<Tensor, ArrayLike<number>>;

const arrayOf = (dtype: DType, length: number): Values =>
  dtype === 'real' ? new Float64Array(length) : dtype === 'i32' ? new Int32Array(length) : new Uint16Array(length);

export function evaluate(tensor: Tensor, n: number, feed: Feed, step = 0): number[] {
  const known = new Map<Tensor, Values>();
  const size = ({ shape }: Tensor) => elements(shape).fixed + n * elements(shape).perImage;
  const whole = (value: IntExpr): number =>
    typeof value === 'number'
      ? value
      : value.fixed + n * ((value.perImage ?? 0) + (value.perBatch ?? 0)) + (value.slot === undefined ? 0 : step);

  function valuesOf(t: Tensor): Values {
    const found = known.get(t);
    if (found) return found;
    const { node } = t;
    if (isSource(t)) {
      const given = feed.get(t) ?? (node.attributes as { values?: Float64Array }).values;
      if (given?.length !== size(t)) throw new Error(`${node.label}: ${given?.length} values for ${size(t)}`);
      const values = arrayOf(t.dtype, size(t));
      values.set(given);
      known.set(t, values);
      return values;
    }
    if (node.op.view) return valuesOf(node.inputs[0]!);
    for (const x of node.inputs) valuesOf(x);
    for (const y of node.outputs) known.set(y, arrayOf(y.dtype, size(y)));
    node.op.emit!(node, (kernel, args) => {
      const call: Record<string, unknown> = {};
      const spec = kernelSpecs[kernel];
      const given = args as unknown as Record<string, unknown>;
      for (const { name } of spec.buffers) if (given[name]) call[name] = valuesOf(given[name] as Tensor);
      for (const name of spec.ints) call[name] = whole(given[name] as IntExpr);
      for (const name of spec.reals) call[name] = given[name];
      (referenceKernels[kernel] as (args: unknown) => void)(call);
    });
    return known.get(t)!;
  }
  return Array.from(valuesOf(tensor));
}
