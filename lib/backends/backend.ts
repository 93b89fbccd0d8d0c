/**
 * The contract between plans and the backends that run them: what a plan is, what a device must do.
 * Three backends know it: reference (TypeScript), cpu (C++), cuda (CUDA C++).
 */
import type { DType, KernelName } from './kernels.js';

export type DeviceName = 'reference' | 'cpu' | 'cuda';
export type Precision = 'float32' | 'float64';

/** Room for as many reals, zeros. */
export function realArray(precision: Precision, count: number): Float32Array | Float64Array {
  return precision === 'float64' ? new Float64Array(count) : new Float32Array(count);
}
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint16Array | Uint8Array;

/** What a storage is for, as memory is counted. */
export type StorageUse = 'other' | 'weights' | 'data';

/** Device memory of one element type, zero at birth. Offsets and lengths count elements. */
export interface Storage {
  readonly dtype: DType;
  readonly length: number;
  /** Copies `source` (converted where its type differs) to `offset`. RangeError where it does not fit. */
  write(source: TypedArray, offset?: number): void;
  /** Copies from `offset` into all of `target`. */
  read(target: TypedArray, offset?: number): void;
  /** Frees the memory; later use throws ERR_DISPOSED. A run under way keeps what it uses until it ends. */
  dispose(): void;
}

/**
 * A whole number of a kernel call, known once a run knows its batch:
 * fixed + perImage * (images in this slice) + perBatch * (images in the whole batch) + perFirst * (first image of this slice) + slot.
 */
export interface IntValue {
  readonly fixed: number;
  readonly perImage?: number;
  readonly perBatch?: number;
  readonly perFirst?: number;
  /** Index in Plan.slots of a number given anew for each step. */
  readonly slot?: number;
}

/** A real number of a kernel call: constant, or given anew for each step. */
export type RealValue = number | { readonly slot: number };

/** Memory that a call reads or writes. All offsets and strides count elements of `dtype`. */
export interface PlanBuffer {
  readonly dtype: DType;
  /** Index in Plan.regions, or -1: the plan's own arena. */
  readonly region: number;
  /** First element: from the start of the region, or (arena) of the arena in bytes. */
  readonly offset: number;
  /**
   * Elements: fixed + perImage * batch. Image i of a slice starts at i * perImage (a buffer has one of the two, not both).
   * Both 0, in a region: all that follows there (the source of a gather, as long as its data set).
   */
  readonly fixed: number;
  readonly perImage: number;
  /** Moves the start by this much for each row that earlier steps of the run have consumed (RunRequest.first counts too). */
  readonly perRow: number;
  /** Moves the start by this much for each earlier step of the run. */
  readonly perStep: number;
}

export interface PlanCall {
  readonly kernel: KernelName;
  /** Index in Plan.buffers for each buffer of the kernel's list; -1: left out. */
  readonly buffers: readonly number[];
  readonly ints: readonly IntValue[];
  readonly reals: readonly RealValue[];
  /** Calls with the same segment number >= 0 stand next to each other and may run image by image; -1: runs on the whole batch. */
  readonly segment: number;
  /** What asked for the call: a layer's name, or the op's. */
  readonly label: string;
}

/** A storage that a run binds. `dtype` must match; its length is checked when the run starts. */
export interface PlanRegion {
  readonly name: string;
  readonly dtype: DType;
}

/** A compiled graph: kernel calls in order over numbered buffers. */
export interface Plan {
  readonly name: string;
  readonly precision: Precision;
  readonly maxBatch: number;
  readonly calls: readonly PlanCall[];
  /**
   * The first calls so many (default 0) are the prologue: they run in a run's first step, before the others, and only where a storage
   * they read has changed since the plan's last run or is another one. They depend on nothing but regions that the plan does not write,
   * and write the arena; what later calls read of it, no other call writes.
   */
  readonly prologue?: number;
  readonly buffers: readonly PlanBuffer[];
  readonly regions: readonly PlanRegion[];
  readonly slots: readonly string[];
  /** Bytes of the arena at maxBatch. */
  readonly arenaBytes: number;
}

export interface RunRequest {
  /** One storage for each of Plan.regions. */
  readonly regions: readonly Storage[];
  /** Images a step takes (<= Plan.maxBatch); the last step takes what is left of `rows`. */
  readonly batch: number;
  /** Images the run takes in all; steps = ceil(rows / batch). */
  readonly rows: number;
  /** Row the run starts at (for buffers with perRow). Default 0. */
  readonly first?: number;
  /** steps x slots numbers, row after row. */
  readonly slots: Float64Array;
  /** How many events to record at most: kernel calls, each on each slice of the batch, and steps. Default 0. */
  readonly events?: number;
}

/** What a run recorded of its time, in the order of steps, calls and slices; a step comes before its calls, the first before the prologue. */
export interface PlanEvents {
  /**
   * EVENT_NUMBERS for each event: call (index in Plan.calls; -1: a whole step), thread (-n: a team of n > 1 threads), step, images,
   * begin, end (ns of one clock).
   */
  readonly numbers: Float64Array;
  /** Events of the steps done that found no room. */
  readonly dropped: number;
}
export const EVENT_NUMBERS = 6;

/** A run under way. */
export interface PlanRun {
  /** Resolves to the number of steps done: all, or fewer after stop(). Rejects on an error; nothing else is lost. */
  readonly done: Promise<number>;
  /** Asks the run to end after the step it is in. */
  stop(): void;
  /** What was recorded. Only once `done` has resolved. */
  events(): PlanEvents;
}

/** A plan loaded on a device, with its arena. */
export interface Executable {
  readonly plan: Plan;
  /** Starts a run; runs of one executable follow each other. Throws at once on arguments that do not fit. */
  run(request: RunRequest): PlanRun;
  dispose(): void;
}

/** Arguments of a single kernel by name, as kernels.def lists them. */
export type KernelCallArgs = Readonly<Record<string, TypedArray | number | undefined>>;

/** A convolution as an algorithm is chosen for it. For 'input' and 'filter' too, sizes are those of the forward convolution. */
export interface ConvolutionShape {
  readonly direction: 'forward' | 'input' | 'filter';
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly k: number;
  readonly r: number;
  readonly s: number;
  readonly stride: number;
  readonly padding: number;
  readonly pool: number;
  readonly poolStride: number;
}

export interface Backend {
  readonly name: DeviceName;
  /** For people: `cpu (AVX-512, 2 threads)`. */
  readonly description: string;
  readonly precision: Precision;
  /**
   * The tile of Winograd's minimal filtering for a convolution, 0 for the direct sum. Missing: always 0. `strict`: one that rounds about as the
   * direct sum does.
   */
  chooseTile?(shape: ConvolutionShape, strict?: boolean): number;
  /**
   * Finds faster tiles for those of `shapes` that none is kept for, by timing on the backend's own thread: those with the most work first,
   * for about half a second or until the signal. Resolves to whether chooseTile may answer anew.
   */
  tune?(shapes: readonly ConvolutionShape[], signal?: AbortSignal, strict?: boolean): Promise<boolean>;
  /** Throws a RangeError on a length that makes no sense, ERR_DEVICE_OOM where there is no room. `use`: default 'other'. */
  allocate(dtype: DType, length: number, use?: StorageUse): Storage;
  load(plan: Plan): Executable;
  /** Where calls are to be timed on the device: milliseconds of each of `times` runs of a kernel on copies of its buffers there. */
  timeKernel?(
    kernel: KernelName,
    buffers: readonly (TypedArray | undefined)[],
    ints: readonly number[],
    reals: readonly number[],
    times: number,
  ): number[];
  /** Runs one kernel on typed arrays, at once, on the calling thread and the backend's own. Arguments are checked by the caller (backends/call.ts). */
  runKernel(
    kernel: KernelName,
    buffers: readonly (TypedArray | undefined)[],
    ints: readonly number[],
    reals: readonly number[],
  ): void;
}
