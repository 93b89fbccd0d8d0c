/**
 * The reference backend: reads a plan step by step and calls the TypeScript kernels, in float32 or float64 (sums in float64 in both).
 * It is the definition of what a plan computes. Segments change nothing here: each call takes the whole batch at once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkInteger, checkOneOf, SteepestError, wrongRange, wrongShape, wrongType } from '../../errors.js';
import {
  type Backend,
  EVENT_NUMBERS,
  type Executable,
  type Plan,
  type PlanBuffer,
  type PlanCall,
  type PlanEvents,
  type PlanRun,
  type Precision,
  type RunRequest,
  type Storage,
  type TypedArray,
} from '../backend.js';
import { type DType, type KernelName, kernelSpecs } from '../kernels.js';
import { referenceKernels } from './index.js';
import { arrayType, ReferenceStorage, valuesOf } from './storage.js';

/** The event loop gets a turn at least this often, as far as single kernels allow. */
const TURN_MILLISECONDS = 10;

export class ReferenceBackend implements Backend {
  readonly name = 'reference';
  readonly description: string;
  readonly precision: Precision;

  constructor(precision: Precision = 'float32') {
    this.precision = checkOneOf('reference backend', 'precision', precision, ['float32', 'float64']);
    this.description = `reference (TypeScript, ${precision})`;
  }

  allocate(dtype: DType, length: number): Storage {
    return new ReferenceStorage(
      checkOneOf('allocate', 'dtype', dtype, ['real', 'i32', 'u16', 'u8']),
      this.precision,
      length,
    );
  }

  load(plan: Plan): Executable {
    if (plan.precision !== this.precision)
      throw wrongRange(plan.name, 'precision', `a plan of ${this.precision}`, plan.precision);
    return new ReferenceExecutable(plan);
  }

  runKernel(
    kernel: KernelName,
    buffers: readonly (TypedArray | undefined)[],
    ints: readonly number[],
    reals: readonly number[],
  ): void {
    callKernel(kernel, buffers, ints, reals);
  }
}

/** Calls a kernel with arguments in the order of its lists. */
function callKernel(
  kernel: KernelName,
  buffers: readonly (TypedArray | undefined)[],
  ints: readonly number[],
  reals: readonly number[],
): void {
  const spec = kernelSpecs[kernel];
  const args: Record<string, TypedArray | number | undefined> = {};
  for (let i = 0; i < spec.buffers.length; i++) args[spec.buffers[i]!.name] = buffers[i];
  for (let i = 0; i < spec.ints.length; i++) args[spec.ints[i]!] = ints[i];
  for (let i = 0; i < spec.reals.length; i++) args[spec.reals[i]!] = reals[i];
  (referenceKernels[kernel] as (named: typeof args) => void)(args);
}

/** What a step of a run works on. */
interface Step {
  readonly regions: readonly TypedArray[];
  readonly storages: readonly ReferenceStorage[];
  readonly arena: ArrayBuffer;
  /** Its number, from 0. */
  readonly step: number;
  readonly images: number;
  /** Rows that the steps before it have consumed, counted from the start of the data. */
  readonly row: number;
  readonly slots: Float64Array;
}

class ReferenceExecutable implements Executable {
  #arena: ArrayBuffer | undefined;
  /** What the prologue read when it last ran to its end. */
  #prologueOf: string | undefined;
  /** Settles when the runs so far have ended. */
  #idle: Promise<unknown> = Promise.resolve();

  constructor(readonly plan: Plan) {
    this.#arena = new ArrayBuffer(plan.arenaBytes);
  }

  run(request: RunRequest): PlanRun {
    const { plan } = this;
    const arena = this.#arena;
    if (arena === undefined) throw new SteepestError('ERR_DISPOSED', `${plan.name}: run after dispose()`);
    const steps = checkRequest(plan, request);
    const regions = plan.regions.map(({ name, dtype }, i) =>
      valuesOf(`${plan.name}: region '${name}'`, request.regions[i]!, dtype, plan.precision),
    );
    const storages = request.regions.slice() as ReferenceStorage[];
    const { batch, rows, first = 0 } = request;
    checkBounds(plan, regions, steps, request);
    const slots = request.slots.slice();
    const recorder = new Recorder(request.events ?? 0);
    let stopped = false;
    const run = async () => {
      for (let step = 0; step < steps; step++) {
        await nextTurn();
        if (stopped) return step;
        const images = Math.min(batch, rows - step * batch);
        const own = slots.subarray(step * plan.slots.length, (step + 1) * plan.slots.length);
        const at = { regions, storages, arena, step, images, row: first + step * batch, slots: own };
        if (step === 0) await this.#runFirst(at, recorder);
        else await runStep(plan, at, recorder, plan.prologue);
      }
      return steps;
    };
    const done = this.#idle.then(run);
    this.#idle = done.catch(() => {});
    return {
      done,
      stop: () => {
        stopped = true;
      },
      events: () => recorder.events(),
    };
  }

  /** The first step of a run, with the prologue where it is out of date. */
  async #runFirst(step: Step, recorder: Recorder): Promise<void> {
    const { plan } = this;
    const sources = sourcesOf(plan, step.storages);
    if (sources === this.#prologueOf) return runStep(plan, step, recorder, plan.prologue);
    this.#prologueOf = undefined;
    await runStep(plan, step, recorder);
    this.#prologueOf = sources;
  }

  dispose(): void {
    this.#arena = undefined;
  }
}

/** The versions of the storages that the prologue reads. */
function sourcesOf({ calls, prologue, buffers }: Plan, storages: readonly ReferenceStorage[]): string {
  const used = calls.slice(0, prologue ?? 0).flatMap((call) => call.buffers.map((b) => buffers[b]?.region ?? -1));
  const regions = [...new Set(used)].filter((region) => region >= 0);
  return regions.map((region) => storages[region]!.version).join(' ');
}

/** The first events of a run, as PlanEvents has them: all on one thread. */
class Recorder {
  readonly #numbers: number[] = [];
  #count = 0;
  constructor(readonly most: number) {}

  /** Takes a place for the call with this number (-1: the step), which begins now. */
  begin(call: number, { step, images }: Step): number {
    const place = this.#count++;
    if (place >= this.most) return place;
    const now = Number(process.hrtime.bigint());
    this.#numbers.push(call, 0, step, images, now, now);
    return place;
  }

  end(place: number): void {
    if (place < this.most) this.#numbers[(place + 1) * EVENT_NUMBERS - 1] = Number(process.hrtime.bigint());
  }

  events(): PlanEvents {
    const numbers = Float64Array.from(this.#numbers);
    return { numbers, dropped: this.#count - numbers.length / EVENT_NUMBERS };
  }
}

/** Makes the calls of a step from number `from` on. */
async function runStep(plan: Plan, step: Step, recorder: Recorder, from = 0): Promise<void> {
  const whole = recorder.begin(-1, step);
  let turn = performance.now();
  for (let i = from; i < plan.calls.length; i++) {
    const place = recorder.begin(i, step);
    runCall(plan, plan.calls[i]!, step);
    recorder.end(place);
    if (performance.now() - turn < TURN_MILLISECONDS) continue;
    await nextTurn();
    turn = performance.now();
  }
  recorder.end(whole);
}

function runCall(plan: Plan, call: PlanCall, step: Step): void {
  const { images, regions, slots } = step;
  const ints = intsOf(call, images, slots);
  if (hasSlot(call)) checkCall(plan, call, ints, images, regions); // checkBounds has seen to the others
  const reals = call.reals.map((value) => (typeof value === 'number' ? value : slots[value.slot]!));
  const buffers = call.buffers.map((index) => (index < 0 ? undefined : view(plan, plan.buffers[index]!, step)));
  callKernel(call.kernel, buffers, ints, reals);
  const { buffers: specs } = kernelSpecs[call.kernel];
  for (let i = 0; i < specs.length; i++)
    if (specs[i]!.role !== 'in') step.storages[plan.buffers[call.buffers[i]!]?.region ?? -1]?.changed();
}

/** The whole numbers of a call for a batch of so many images. */
function intsOf(call: PlanCall, images: number, slots: ArrayLike<number>): number[] {
  return call.ints.map(
    ({ fixed, perImage = 0, perBatch = 0, slot }) =>
      fixed + (perImage + perBatch) * images + (slot === undefined ? 0 : slots[slot]!),
  );
}

/** Whether a whole number of the call is given with each step. */
function hasSlot({ ints }: PlanCall): boolean {
  return ints.some(({ slot }) => slot !== undefined);
}

/** Checks that a call's numbers make sense and that its buffers hold as much as they ask for. */
function checkCall(plan: Plan, call: PlanCall, ints: number[], images: number, regions: readonly TypedArray[]): void {
  const spec = kernelSpecs[call.kernel];
  const named: Record<string, number> = {};
  for (let i = 0; i < spec.ints.length; i++) named[spec.ints[i]!] = checkInteger(call.label, spec.ints[i]!, ints[i]);
  for (let i = 0; i < spec.buffers.length; i++) {
    const { name, length, optional } = spec.buffers[i]!;
    const buffer = plan.buffers[call.buffers[i]!];
    if (buffer === undefined && optional) continue;
    const received = buffer === undefined ? 0 : lengthOf(buffer, images, regions);
    if (length(named) <= received) continue;
    const where = `${call.label} (${call.kernel})`;
    throw wrongShape(where, `${name} needs ${length(named)} elements but has ${received}`);
  }
}

/** Whether a buffer is all that follows in its region. */
function isOpen(buffer: PlanBuffer): boolean {
  return buffer.region >= 0 && buffer.fixed === 0 && buffer.perImage === 0;
}

function lengthOf(buffer: PlanBuffer, images: number, regions: readonly TypedArray[]): number {
  return isOpen(buffer) ? regions[buffer.region]!.length - buffer.offset : buffer.fixed + buffer.perImage * images;
}

/** The elements a call sees of a buffer. */
function view(plan: Plan, buffer: PlanBuffer, step: Step): TypedArray {
  const moved = buffer.perRow * step.row + buffer.perStep * step.step;
  const length = lengthOf(buffer, step.images, step.regions);
  if (buffer.region >= 0) {
    const start = buffer.offset + moved;
    return step.regions[buffer.region]!.subarray(start, start + length);
  }
  const type = arrayType(buffer.dtype, plan.precision);
  return new type(step.arena, buffer.offset + moved * type.BYTES_PER_ELEMENT, length);
}

/** Checks the numbers of a request; returns how many steps it takes. */
function checkRequest(plan: Plan, request: RunRequest): number {
  const { name } = plan;
  const batch = checkInteger(name, 'batch', request.batch, 1, plan.maxBatch);
  const rows = checkInteger(name, 'rows', request.rows);
  checkInteger(name, 'first', request.first ?? 0);
  const steps = Math.ceil(rows / batch);
  if (!(request.slots instanceof Float64Array)) throw wrongType(name, 'slots', 'a Float64Array', request.slots);
  if (request.slots.length !== steps * plan.slots.length)
    throw wrongRange(name, 'slots', `${steps} steps x ${plan.slots.length} numbers`, request.slots);
  if (!Array.isArray(request.regions)) throw wrongType(name, 'regions', 'an array of storages', request.regions);
  if (request.regions.length !== plan.regions.length)
    throw wrongRange(name, 'regions', `${plan.regions.length} storages`, request.regions.length);
  return steps;
}

/**
 * Checks that every buffer of a region stays inside it, and every call whose numbers are known: at the last step, and at the one
 * before, which has a full batch.
 */
function checkBounds(plan: Plan, regions: readonly TypedArray[], steps: number, request: RunRequest): void {
  const { batch, rows, first = 0 } = request;
  for (let step = Math.max(0, steps - 2); step < steps; step++) {
    const images = Math.min(batch, rows - step * batch);
    for (const { region, offset, fixed, perImage, perRow, perStep } of plan.buffers) {
      if (region < 0) continue;
      const end = offset + perRow * (first + step * batch) + perStep * step + fixed + perImage * images;
      const { length } = regions[region]!;
      if (end <= length) continue;
      const { name } = plan.regions[region]!;
      throw wrongShape(plan.name, `expected at least ${end} elements in region '${name}' but received ${length}`);
    }
    for (const call of plan.calls) if (!hasSlot(call)) checkCall(plan, call, intsOf(call, images, []), images, regions);
  }
}
