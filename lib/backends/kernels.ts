/** What TypeScript knows of each kernel (from native/kernels/kernels.def), and the checks on a single kernel's arguments. */
import { kernelTable } from './kernel-table.js';

/** Element types of buffers. `real` is float32, or float64 on the reference backend. */
export type DType = 'real' | 'i32' | 'u16' | 'u8';

export interface BufferSpec {
  readonly name: string;
  readonly role: 'in' | 'out' | 'inout';
  readonly type: DType;
  readonly optional: boolean;
  /** Elements needed, from the kernel's whole numbers; NaN where these make no sense (a filter larger than its image). */
  readonly length: (ints: Record<string, number>) => number;
}

export interface KernelSpec {
  readonly name: KernelName;
  /** Each output row depends on the same input row only, so a plan may run the kernel on a part of the batch. */
  readonly slice: boolean;
  readonly buffers: readonly BufferSpec[];
  readonly ints: readonly string[];
  readonly reals: readonly string[];
  /** What must be true of the whole numbers, in words and as a test. */
  readonly where?: { readonly text: string; readonly holds: (ints: Record<string, number>) => boolean };
  /** Floating-point operations of one call. */
  readonly flops: (ints: Record<string, number>) => number;
}

type Table = typeof kernelTable;
export type KernelName = keyof Table;

type BufferNames<K extends KernelName, Optional extends boolean> = Extract<
  Table[K]['buffers'][number],
  { readonly optional: Optional }
>['name'];
type IntNames<K extends KernelName> = Table[K]['ints'][number];
type RealNames<K extends KernelName> = Table[K]['reals'][number];

/** The arguments of kernel K by name, with buffers of type B, whole numbers of type I and reals of type R. */
export type KernelArgs<K extends KernelName, B, I, R> = { [P in BufferNames<K, false>]: B } & {
  [P in BufferNames<K, true>]?: B | undefined;
} & { [P in IntNames<K>]: I } & { [P in RealNames<K>]: R };

/** The kernels by name, in the order of kernels.def: the place in `kernelNames` is a kernel's number in the native table. */
export const kernelSpecs = kernelTable as unknown as Readonly<Record<KernelName, KernelSpec>>;
export const kernelNames = Object.keys(kernelTable) as KernelName[];
