/** The arguments of reference kernels: the names of kernels.def with the array types of their elements. */
import type { TypedArray } from '../backend.js';
import type { kernelTable } from '../kernel-table.js';
import type { KernelArgs, KernelName } from '../kernels.js';

/** Values of either precision. */
export type Real = Float32Array | Float64Array;

interface ArrayOf {
  real: Real;
  i32: Int32Array;
  u16: Uint16Array;
  u8: Uint8Array;
}

/** What kernel K takes: buffers at least as long as the list says, whole numbers, real numbers; all by name. */
export type Args<K extends KernelName> = KernelArgs<K, TypedArray, number, number> & {
  [S in (typeof kernelTable)[K]['buffers'][number] as S['name']]?: ArrayOf[S['type']];
};

/** A new array of the same precision. */
export function like(values: Real, length: number): Real {
  return values instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
}
