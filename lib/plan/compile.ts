/** From a graph to a plan: kernel calls over numbered buffers, fused, with memory laid out. See backends/backend.ts for what a plan is. */
import type { Plan, Precision, RealValue } from '../backends/backend.js';
import type { KernelName } from '../backends/kernels.js';
import type { Tensor } from '../graph/tensor.js';

/** Where an input's values come from, at each step of a run. */
export interface PlanInput {
  readonly tensor: Tensor;
  /** Region (a storage bound by the run) that holds the values; a batched tensor takes the run's next rows of it. */
  readonly region: string;
  /** Instead of the next rows, the rows that `indices` (a region of i32, read at the run's next rows) names. */
  readonly gather?: {
    readonly indices: string;
    /** Element type of the region: 'u8' values become value * factor + shift. */
    readonly from: 'real' | 'u8' | 'i32';
    readonly factor?: number;
    readonly shift?: number;
    /** Name of the slot that gives the number of rows of the region. */
    readonly rowsSlot: string;
  };
}

/** Where a tensor's values go. */
export interface PlanOutput {
  readonly tensor: Tensor;
  readonly region: string;
  /** First element in the region. */
  readonly offset?: number;
  /** Step t of a run writes at offset + t * perStep. A batched tensor needs none: it goes to the run's next rows. */
  readonly perStep?: number;
}

/** A kernel call after all others that changes regions in place: an optimizer's step. Buffers name regions, used from their start. */
export interface PlanUpdate {
  readonly kernel: KernelName;
  readonly buffers: Readonly<Record<string, string>>;
  readonly ints: Readonly<Record<string, number | { slot: string }>>;
  readonly reals: Readonly<Record<string, number | { slot: string }>>;
}

export interface CompileRequest {
  readonly name: string;
  readonly precision: Precision;
  readonly maxBatch: number;
  readonly inputs: readonly PlanInput[];
  /** Trainable tensors: all in the region 'parameters', laid out by parameterLayout. */
  readonly parameters: readonly Tensor[];
  readonly outputs: readonly PlanOutput[];
  readonly updates?: readonly PlanUpdate[];
  /** Fuse neighbours (default true); false keeps one call an op. */
  readonly fuse?: boolean;
}

export interface ParameterLayout {
  /** First element of each parameter in the region; multiples of 16. */
  readonly offsets: readonly number[];
  /** Elements in all. */
  readonly length: number;
}
export declare function parameterLayout(parameters: readonly Tensor[]): ParameterLayout;

/** A plan, and the values of its constants for the region 'constants' (empty: no such region). */
export interface Compiled {
  readonly plan: Plan;
  readonly constants: Float64Array;
}
export declare function compile(request: CompileRequest): Compiled;
export type { RealValue };
