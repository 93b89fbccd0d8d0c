/** What the backends of the addon share: storages, plans and kernels on the host or on a CUDA device, float32. Plans run on an engine thread. */
import type { Binding, PlanHandle, StorageHandle } from '../binding.js';
import { checkInteger, checkOneOf, SteepestError, wrongRange, wrongType } from '../errors.js';
import type {
  Backend,
  DeviceName,
  Executable,
  IntValue,
  Plan,
  PlanRun,
  RunRequest,
  Storage,
  StorageUse,
  TypedArray,
} from './backend.js';
import { type DType, type KernelName, kernelNames } from './kernels.js';

/** In the order of C++'s enum Type. */
const dtypes: readonly DType[] = ['real', 'i32', 'u16', 'u8'];
const arrayTypes = { real: Float32Array, i32: Int32Array, u16: Uint16Array, u8: Uint8Array };
/** In the order of C++'s enum Use. */
const uses: readonly StorageUse[] = ['other', 'weights', 'data'];
const bytesPerElement = { real: 4, i32: 4, u16: 2, u8: 1 };

/** How the addon is to compute. */
export interface NativeTarget {
  readonly binding: Binding;
  /** -1: the host; else the number of a CUDA device. */
  readonly device: number;
  /** Of the host. */
  readonly threads: number;
  /** Of products on a CUDA device: 0 float32, 1 TF32, 2 bfloat16. */
  readonly arithmetic: number;
}

export abstract class NativeBackend implements Backend {
  abstract readonly name: DeviceName;
  abstract readonly description: string;
  readonly precision = 'float32';
  protected readonly target: NativeTarget;

  constructor(target: NativeTarget) {
    this.target = target;
  }

  /** Throws ERR_DEVICE_OOM where so many bytes are known not to fit. */
  protected checkRoom(_where: string, _bytes: number): void {}

  allocate(dtype: DType, length: number, use: StorageUse = 'other'): Storage {
    checkOneOf('allocate', 'dtype', dtype, dtypes);
    checkInteger('allocate', 'length', length);
    this.checkRoom('allocate', length * bytesPerElement[dtype]);
    return new NativeStorage(this.target, dtype, length, use);
  }

  load(plan: Plan): Executable {
    if (plan.precision !== 'float32')
      throw new RangeError(`${plan.name}: the ${this.name} backend computes in float32, not ${plan.precision}`);
    this.checkRoom(plan.name, plan.arenaBytes);
    return new NativeExecutable(this.target, plan);
  }

  runKernel(
    kernel: KernelName,
    buffers: readonly (TypedArray | undefined)[],
    ints: readonly number[],
    reals: readonly number[],
  ): void {
    const { binding, threads, device, arithmetic } = this.target;
    const [whole, real] = [Float64Array.from(ints), Float64Array.from(reals)];
    binding.runKernel(kernelNames.indexOf(kernel), buffers, whole, real, threads, device, arithmetic);
  }
}

class NativeStorage implements Storage {
  readonly #binding: Binding;
  readonly #device: number;
  readonly #handle: StorageHandle;
  #disposed = false;

  constructor(
    { binding, device }: NativeTarget,
    readonly dtype: DType,
    readonly length: number,
    use: StorageUse,
  ) {
    this.#binding = binding;
    this.#device = device;
    this.#handle = binding.createStorage(dtypes.indexOf(dtype), length, device, uses.indexOf(use));
  }

  /** The handle of a storage of this device; throws on anything else. */
  static handleOf(storage: unknown, { device }: NativeTarget, where: string, name: string): StorageHandle {
    if (typeof storage !== 'object' || storage === null || !(#handle in storage) || storage.#device !== device)
      throw wrongType(where, name, `a storage of ${device < 0 ? 'the cpu' : `cuda:${device}`}`, storage);
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

class NativeExecutable implements Executable {
  readonly #target: NativeTarget;
  readonly #handle: PlanHandle;
  #disposed = false;

  constructor(
    target: NativeTarget,
    readonly plan: Plan,
  ) {
    this.#target = target;
    const { binding, device, arithmetic } = target;
    const labels = [...plan.calls.map((call) => call.label), ...plan.regions.map((region) => region.name)];
    this.#handle = binding.loadPlan(encodePlan(plan), labels, device, arithmetic);
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
      NativeStorage.handleOf(request.regions[i], this.#target, name, `region '${region.name}'`),
    );
    const { binding, threads } = this.#target;
    const started = binding.startRun(this.#handle, handles, batch, rows, first, request.slots, threads, events);
    return {
      done: started.done,
      stop: () => binding.stopRun(started.run),
      events: () => binding.runEvents(started.run),
    };
  }

  dispose(): void {
    this.#disposed = true;
    this.#target.binding.disposePlan(this.#handle);
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
