/** The cpu backend: plans and kernels run in C++ through the addon, float32. Plans run on the addon's engine thread. */
import { totalmem } from 'node:os';
import { type Binding, loadBinding, type NativeInfo, type PlanHandle, type StorageHandle } from '../binding.js';
import { checkInteger, checkOneOf, checkOptions, SteepestError, wrongRange, wrongType } from '../errors.js';
import { packageVersion } from '../version.js';
import type {
  Backend,
  ConvolutionShape,
  Executable,
  IntValue,
  Plan,
  PlanRun,
  RunRequest,
  Storage,
  TypedArray,
} from './backend.js';
import { ConvolutionTimer } from './convolution-timer.js';
import { type DType, type KernelName, kernelNames } from './kernels.js';
import { strictTiles, tilesFor, usualTile } from './tiles.js';
import { type Choice, keptTile, tune } from './tuner.js';
import { TuningCache } from './tuning-cache.js';

/** In the order of C++'s enum Type. */
const dtypes: readonly DType[] = ['real', 'i32', 'u16', 'u8'];
const arrayTypes = { real: Float32Array, i32: Int32Array, u16: Uint16Array, u8: Uint8Array };
const bytesPerElement = { real: 4, i32: 4, u16: 2, u8: 1 };
const isaNames = { portable: 'portable', avx2: 'AVX2', avx512: 'AVX-512' };

export interface CpuOptions {
  /** Threads that kernels run on, 1 to 1024. Default: the physical cores this process may use. Results do not depend on it. */
  readonly threads?: number | undefined;
  /** Only algorithms that round about as the direct sum does. Default false. */
  readonly strict?: boolean | undefined;
}

/**
 * The cpu backend.
 * @throws ERR_NO_DEVICE where the addon is not built or does not load; TypeError or RangeError on wrong options
 */
export function createCpuBackend(options: CpuOptions = {}): Backend {
  return new CpuBackend(options);
}

class CpuBackend implements Backend {
  readonly name = 'cpu';
  readonly precision = 'float32';
  readonly #binding: Binding;
  readonly #threads: number;
  readonly #strict: boolean;

  constructor(options: CpuOptions) {
    checkOptions('cpu backend', options, ['threads', 'strict']);
    const { threads, strict = false } = options;
    if (threads !== undefined) checkInteger('cpu backend', 'threads', threads, 1, 1024);
    const { binding, error } = loadBinding();
    if (binding === undefined) throw new SteepestError('ERR_NO_DEVICE', `device 'cpu': ${error}`);
    this.#binding = binding;
    this.#threads = threads ?? binding.info().physicalCores;
    this.#strict = strict;
  }

  get description(): string {
    const threads = this.#threads === 1 ? '1 thread' : `${this.#threads} threads`;
    return `cpu (${isaNames[this.#binding.info().isa]}, ${threads}${this.#strict ? ', strict' : ''})`;
  }

  chooseTile(shape: ConvolutionShape): number {
    const choice = this.#choice(shape);
    return (tuning() ? keptTile(choice, tuningCache(this.#binding.info())) : undefined) ?? choice.usual;
  }

  async tune(shapes: readonly ConvolutionShape[], signal?: AbortSignal): Promise<boolean> {
    if (!tuning()) return false;
    return tune(
      shapes.map((shape) => this.#choice(shape)),
      { cache: tuningCache(this.#binding.info()), open: (timed) => ConvolutionTimer.open(this, timed), signal },
    );
  }

  #choice(shape: ConvolutionShape): Choice {
    const tiles = this.#strict ? strictTiles(tilesFor(shape)) : tilesFor(shape);
    return { shape, tiles, usual: usualTile(shape, tiles) };
  }

  allocate(dtype: DType, length: number): Storage {
    checkOneOf('allocate', 'dtype', dtype, dtypes);
    checkInteger('allocate', 'length', length);
    const bytes = length * bytesPerElement[dtype];
    checkRoom(this.#binding, 'allocate', bytes);
    return new CpuStorage(this.#binding, dtype, length);
  }

  load(plan: Plan): Executable {
    if (plan.precision !== 'float32')
      throw new RangeError(`${plan.name}: the cpu backend computes in float32, not ${plan.precision}`);
    checkRoom(this.#binding, plan.name, plan.arenaBytes);
    return new CpuExecutable(this.#binding, plan, this.#threads);
  }

  runKernel(
    kernel: KernelName,
    buffers: readonly (TypedArray | undefined)[],
    ints: readonly number[],
    reals: readonly number[],
  ): void {
    this.#binding.runKernel(
      kernelNames.indexOf(kernel),
      buffers,
      Float64Array.from(ints),
      Float64Array.from(reals),
      this.#threads,
    );
  }
}

const tuning = () => process.env.STEEPEST_TUNE !== '0';
const tuningCaches = new Map<string, TuningCache>();

/** What all backends with one instruction set share. */
function tuningCache({ isa, cpu }: NativeInfo): TuningCache {
  const cache = tuningCaches.get(isa) ?? new TuningCache({ steepest: packageVersion(), isa, cpu });
  tuningCaches.set(isa, cache);
  return cache;
}

/** Throws ERR_DEVICE_OOM where the machine (or the container) has not that much memory: the system would grant it, and kill us later. */
function checkRoom(binding: Binding, where: string, bytes: number): void {
  const limit = Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
  if (binding.memory().bytes + bytes <= limit) return;
  const gib = (n: number) => `${(n / 2 ** 30).toFixed(1)} GiB`;
  throw new SteepestError('ERR_DEVICE_OOM', `${where}: ${gib(bytes)} do not fit the ${gib(limit)} of this machine`);
}

class CpuStorage implements Storage {
  readonly #binding: Binding;
  readonly #handle: StorageHandle;
  #disposed = false;

  constructor(
    binding: Binding,
    readonly dtype: DType,
    readonly length: number,
  ) {
    this.#binding = binding;
    this.#handle = binding.createStorage(dtypes.indexOf(dtype), length);
  }

  /** The handle of a storage of this backend; throws on anything else. */
  static handleOf(storage: unknown, where: string, name: string): StorageHandle {
    if (typeof storage !== 'object' || storage === null || !(#handle in storage))
      throw wrongType(where, name, 'a storage of the cpu backend', storage);
    if (storage.#disposed) throw new SteepestError('ERR_DISPOSED', `${where}: ${name} was disposed`);
    return storage.#handle;
  }

  write(source: TypedArray, offset = 0): void {
    this.#check('storage.write', 'source', source, offset);
    const type = arrayTypes[this.dtype];
    this.#binding.writeStorage(this.#handle, source instanceof type ? source : new type(source), offset);
  }

  read(target: TypedArray, offset = 0): void {
    this.#check('storage.read', 'target', target, offset);
    const type = arrayTypes[this.dtype];
    const values = target instanceof type ? target : new type(target.length);
    this.#binding.readStorage(this.#handle, values, offset);
    if (values !== target) target.set(values);
  }

  dispose(): void {
    this.#disposed = true;
    this.#binding.disposeStorage(this.#handle);
  }

  #check(where: string, name: string, array: unknown, offset: unknown): void {
    if (this.#disposed) throw new SteepestError('ERR_DISPOSED', `${where}: used after dispose()`);
    if (!isTypedArray(array)) throw wrongType(where, name, 'a typed array', array);
    const start = checkInteger(where, 'offset', offset);
    if (start + array.length <= this.length) return;
    const room = Math.max(0, this.length - start);
    throw wrongRange(where, name, `at most ${room} elements at offset ${start} of ${this.length}`, array);
  }
}

function isTypedArray(value: unknown): value is TypedArray {
  return [Float32Array, Float64Array, Int32Array, Uint16Array, Uint8Array].some((type) => value instanceof type);
}

class CpuExecutable implements Executable {
  readonly #binding: Binding;
  readonly #handle: PlanHandle;
  readonly #threads: number;
  #disposed = false;

  constructor(
    binding: Binding,
    readonly plan: Plan,
    threads: number,
  ) {
    this.#binding = binding;
    this.#threads = threads;
    const labels = [...plan.calls.map((call) => call.label), ...plan.regions.map((region) => region.name)];
    this.#handle = binding.loadPlan(encodePlan(plan), labels);
  }

  run(request: RunRequest): PlanRun {
    const { name, maxBatch, regions, slots } = this.plan;
    if (this.#disposed) throw new SteepestError('ERR_DISPOSED', `${name}: run after dispose()`);
    const batch = checkInteger(name, 'batch', request.batch, 1, maxBatch);
    const rows = checkInteger(name, 'rows', request.rows);
    const first = checkInteger(name, 'first', request.first ?? 0);
    const events = checkInteger(name, 'events', request.events ?? 0, 0, 1e7);
    if (!(request.slots instanceof Float64Array)) throw wrongType(name, 'slots', 'a Float64Array', request.slots);
    const steps = Math.ceil(rows / batch);
    if (request.slots.length !== steps * slots.length)
      throw wrongRange(name, 'slots', `${steps} steps x ${slots.length} numbers`, request.slots);
    if (!Array.isArray(request.regions)) throw wrongType(name, 'regions', 'an array of storages', request.regions);
    if (request.regions.length !== regions.length)
      throw wrongRange(name, 'regions', `${regions.length} storages`, request.regions.length);
    const handles = regions.map((region, i) =>
      CpuStorage.handleOf(request.regions[i], name, `region '${region.name}'`),
    );
    const binding = this.#binding;
    const started = binding.startRun(this.#handle, handles, batch, rows, first, request.slots, this.#threads, events);
    return {
      done: started.done,
      stop: () => binding.stopRun(started.run),
      events: () => binding.runEvents(started.run),
    };
  }

  dispose(): void {
    this.#disposed = true;
    this.#binding.disposePlan(this.#handle);
  }
}

/** The plan as numbers, in the order that native/binding/plan.cc reads. */
export function encodePlan(plan: Plan): Float64Array {
  const { maxBatch, arenaBytes, slots, regions, buffers, calls, prologue = 0 } = plan;
  const program = [2, maxBatch, arenaBytes, slots.length, regions.length, buffers.length, calls.length, prologue];
  for (const { dtype } of regions) program.push(dtypes.indexOf(dtype));
  for (const { dtype, region, offset, fixed, perImage, perRow, perStep } of buffers)
    program.push(dtypes.indexOf(dtype), region, offset, fixed, perImage, perRow, perStep);
  for (const call of calls) {
    program.push(kernelNames.indexOf(call.kernel), call.segment, ...call.buffers);
    for (const value of call.ints) program.push(...encodeInt(value));
    for (const real of call.reals) program.push(...(typeof real === 'number' ? [real, -1] : [0, real.slot]));
  }
  return Float64Array.from(program);
}

function encodeInt({ fixed, perImage = 0, perBatch = 0, perFirst = 0, slot = -1 }: IntValue): number[] {
  return [fixed, perImage, perBatch, perFirst, slot];
}
