/** The native addon: what it exports, and where it is found. The only file that knows there is a .node. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageVersion } from './version.js';

type TypedArray = Float32Array | Float64Array | Int32Array | Uint16Array | Uint8Array;

export type Isa = 'portable' | 'avx2' | 'avx512';

/** Objects of C++ held by JavaScript; each function takes its own kind only. */
export interface StorageHandle {
  readonly kind?: 'storage';
}
export interface PlanHandle {
  readonly kind?: 'plan';
}
export interface RunHandle {
  readonly kind?: 'run';
}

export interface NativeInfo {
  /** The instruction set kernels run with. */
  readonly isa: Isa;
  /** Those this processor can run, weakest first. */
  readonly isas: readonly Isa[];
  readonly features: readonly string[];
  /** The processor's name. */
  readonly cpu: string;
  readonly physicalCores: number;
  readonly logicalCores: number;
  /** The compiler that built the addon. */
  readonly compiler: string;
  /** Whether the addon was built with CUDA. */
  readonly cuda: boolean;
}

export interface CudaInfo {
  readonly built: boolean;
  /** Versions, such as '13.0'; empty where there is none. */
  readonly driver: string;
  readonly runtime: string;
  /** `memory` in bytes. */
  readonly devices: readonly {
    readonly name: string;
    readonly capability: string;
    readonly memory: number;
    readonly multiprocessors: number;
  }[];
  /** Why `devices` is empty; '' otherwise. */
  readonly reason: string;
}

/** What all threads of the process hold: bytes of a device's memory by their use, objects on all devices. */
export interface NativeMemory {
  /** On a CUDA device with scratch, on the host without. */
  readonly bytes: number;
  readonly weights: number;
  readonly data: number;
  readonly arenas: number;
  readonly other: number;
  /** Working memory that kernels keep between calls. */
  readonly scratch: number;
  readonly storages: number;
  readonly plans: number;
}

export interface NativeCeiling {
  /** GFLOP/s of multiply-adds in registers. */
  readonly gflops: number;
  /** GB/s read plus written by copies through memory. */
  readonly gbPerSecond: number;
}

/** The addon's functions. They check what could corrupt memory, and throw TypeError, RangeError or an Error with a code. */
export interface Binding {
  info(): NativeInfo;
  /** Asks the CUDA driver. Takes some 100 ms where there is one. */
  cuda(): CudaInfo;
  /** The table's names, in the order of kernels.def. */
  kernelNames(): string[];
  /** Chooses the instruction set for the whole process; false where this processor or build has none of that name. */
  selectIsa(isa: string): boolean;
  /**
   * Runs kernel number `index` at once. `threads` 0: one for each physical core. `device` -1 (default): the cpu, else the number of a CUDA
   * device. `arithmetic` of its products there: 0 (default) float32, 1 TF32, 2 bfloat16.
   */
  runKernel(
    index: number,
    buffers: readonly (TypedArray | undefined)[],
    ints: Float64Array,
    reals: Float64Array,
    threads: number,
    device?: number,
    arithmetic?: number,
  ): void;
  /** Runs a kernel `times` times on copies of its buffers on a CUDA device; nanoseconds of each time. Changes no array. */
  timeKernel(
    index: number,
    buffers: readonly (TypedArray | undefined)[],
    ints: Float64Array,
    reals: Float64Array,
    device: number,
    arithmetic: number,
    times: number,
  ): Float64Array;
  /** `dtype`: 0 real, 1 i32, 2 u16, 3 u8. `device` as for runKernel. `use`: 0 other (default), 1 weights, 2 data. */
  createStorage(dtype: number, length: number, device?: number, use?: number): StorageHandle;
  /** The array has the storage's own type. */
  writeStorage(storage: StorageHandle, source: TypedArray, offset: number): void;
  readStorage(storage: StorageHandle, target: TypedArray, offset: number): void;
  disposeStorage(storage: StorageHandle): void;
  /** `device` as for runKernel: where `bytes` are. */
  memory(device?: number): NativeMemory;
  /** The most bytes to take of a CUDA device's memory. */
  limitMemory(device: number, bytes: number): void;
  /** Measures what the selected instruction set and the memory can do at most, or a CUDA device and its memory. */
  ceiling(threads: number, device?: number): NativeCeiling;
  /** `program`: a plan as numbers (backends/native.ts, native/binding/plan.cc). `labels`: of its calls, then of its regions. */
  loadPlan(program: Float64Array, labels: readonly string[], device?: number, arithmetic?: number): PlanHandle;
  disposePlan(plan: PlanHandle): void;
  /** `done` resolves to the number of steps done. */
  startRun(
    plan: PlanHandle,
    regions: readonly StorageHandle[],
    batch: number,
    rows: number,
    first: number,
    slots: Float64Array,
    threads: number,
    /** How many events to record at most. Default 0. */
    events?: number,
  ): { readonly done: Promise<number>; readonly run: RunHandle };
  stopRun(run: RunHandle): void;
  /** What a run that has ended recorded: PlanEvents of backends/backend.ts. Throws before its end. */
  runEvents(run: RunHandle): { readonly numbers: Float64Array; readonly dropped: number };
}

export type LoadedBinding =
  | { readonly binding: Binding; readonly path: string; readonly error: undefined }
  | { readonly binding: undefined; readonly path: undefined; readonly error: string };

let loaded: LoadedBinding | undefined;

/**
 * The native addon, loaded once a thread; `error` says what was tried and what to do where there is none. Never throws. It is, in this order,
 * what STEEPEST_BINDING names, what was built here (build/Release/steepest.node), or that of a package for this platform, one with CUDA first.
 * STEEPEST_ISA (portable, avx2, avx512) names an instruction set.
 */
export function loadBinding(): LoadedBinding {
  loaded ??= load();
  return loaded;
}

const platform = `${process.platform}-${process.arch}`;
const packages = [`@steepest/${platform}-cuda`, `@steepest/${platform}`];

function load(): LoadedBinding {
  const fail = (error: string) => ({ binding: undefined, path: undefined, error });
  const found = findAddon();
  if ('error' in found) return fail(found.error);
  const { path, advice } = found;
  let binding: Binding;
  try {
    binding = createRequire(__filename)(path) as Binding;
  } catch (cause) {
    return fail(`the native addon ${path} does not load (${advice}): ${(cause as Error).message}`);
  }
  const isa = process.env.STEEPEST_ISA;
  if (isa && !binding.selectIsa(isa))
    return fail(
      `STEEPEST_ISA=${isa} is not an instruction set of this machine and build: ${binding.info().isas.join(', ')}`,
    );
  return { binding, path, error: undefined };
}

/** The addon's file and what to do where it does not load, or why there is none. */
function findAddon(): { readonly path: string; readonly advice: string } | { readonly error: string } {
  const named = process.env.STEEPEST_BINDING;
  if (named)
    return existsSync(named)
      ? { path: named, advice: 'check STEEPEST_BINDING' }
      : { error: `the native addon was not found at ${named} (check STEEPEST_BINDING)` };
  const build = '`npx steepest build` compiles it, with CMake and a C++17 compiler';
  const local = join(__dirname, '..', 'build', 'Release', 'steepest.node');
  if (existsSync(local)) return { path: local, advice: build };
  const require = createRequire(__filename);
  for (const name of packages) {
    let manifest: string;
    try {
      manifest = require.resolve(`${name}/package.json`);
    } catch {
      continue;
    }
    const { version } = require(manifest) as { version: string };
    if (version !== packageVersion())
      return {
        error: `${name} is of version ${version} but steepest of ${packageVersion()}: install the same of both`,
      };
    return { path: join(manifest, '..', 'steepest.node'), advice: build };
  }
  return {
    error: `there is no native addon for ${platform} (neither ${[local, ...packages].join(' nor ')}): ${build}`,
  };
}
