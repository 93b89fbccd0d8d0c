/**
 * From a graph to a plan: kernel calls over numbered buffers, fused, in segments, with memory laid out.
 * See backends/backend.ts for what a plan is. Stages: lower.ts, fuse.ts, winograd.ts, moments.ts, prologue.ts, then here: segments, buffers, memory.ts.
 */
import type {
  ConvolutionShape,
  IntValue,
  Plan,
  PlanBuffer,
  PlanCall,
  PlanRegion,
  Precision,
} from '../backends/backend.js';
import { type DType, type KernelName, kernelSpecs } from '../backends/kernels.js';
import { SteepestError, wrongShape } from '../errors.js';
import {
  constantOp,
  elements,
  type IntExpr,
  inputOp,
  isBatched,
  isSource,
  isTrainable,
  parameterOp,
  type SourceAttributes,
  showShape,
  type Tensor,
} from '../graph/tensor.js';
import { fuse } from './fuse.js';
import { baseOf, type Call, isTensorUse, lower, type RegionUse, reachableNodes } from './lower.js';
import { layoutArena } from './memory.js';
import { momentsFromConvolutions } from './moments.js';
import { prologueFirst } from './prologue.js';
import { chooseTiles, convolutionsOf, readsLargeFilter } from './winograd.js';

/** Where an input's values come from, at each step of a run. */
export interface PlanInput {
  readonly tensor: Tensor;
  /** Region (a storage bound by the run) that holds the values; a batched tensor takes the run's next rows of it. */
  readonly region: string;
  /** First element in the region, where the values are read where they lie. Default 0. */
  readonly offset?: number;
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
  /** All in the region 'parameters', laid out by parameterLayout. */
  readonly parameters: readonly Tensor[];
  readonly outputs: readonly PlanOutput[];
  readonly updates?: readonly PlanUpdate[];
  /** The tile of Winograd's minimal filtering for each convolution. Default: none. */
  readonly chooseTile?: ((shape: ConvolutionShape) => number) | undefined;
  /** Convolutions by algorithms that round about as the direct sum does. For who chooses tiles. Default false. */
  readonly strict?: boolean;
  /** Fuse neighbours (default true); false keeps one call an op. */
  readonly fuse?: boolean;
}

export interface ParameterLayout {
  /** First element of each parameter in the region; multiples of 16. */
  readonly offsets: readonly number[];
  /** Elements in all. */
  readonly length: number;
  /** Elements of the trainable ones, which stand first: what an optimizer works on. */
  readonly trained: number;
}

/** One parameter after another, each at a multiple of 16 elements (64 bytes): one kernel call can then update them all. */
export function parameterLayout(parameters: readonly Tensor[]): ParameterLayout {
  const offsets: number[] = [];
  let length = 0;
  const place = (trainable: boolean) => {
    for (const [i, p] of parameters.entries()) {
      if (isTrainable(p) !== trainable) continue;
      offsets[i] = length;
      length += Math.ceil(elements(p.shape).fixed / 16) * 16;
    }
    return length;
  };
  return { trained: place(true), length: place(false), offsets };
}

/** A plan, and the values of its constants for the region 'constants' (empty: no such region). */
export interface Compiled {
  readonly plan: Plan;
  readonly constants: Float64Array;
}

/**
 * Compiles the graph behind `request.outputs` for batches up to `maxBatch`.
 * @throws ERR_SHAPE where an input or parameter of the graph has no place named, or an output has the wrong kind
 */
export function compile(request: CompileRequest): Compiled {
  return prepare(request).compile(request.chooseTile);
}

/** A request whose graph is lowered and fused: all that does not depend on the choice of algorithms. */
export interface Prepared {
  /** The convolutions that `chooseTile` will be asked for. */
  readonly convolutions: readonly ConvolutionShape[];
  /** Once. */
  compile(chooseTile?: CompileRequest['chooseTile']): Compiled;
}

/** The first half of `compile`. @throws as it does */
export function prepare(request: CompileRequest): Prepared {
  return new Compiler(request);
}

type Place = Omit<PlanBuffer, 'dtype' | 'fixed' | 'perImage'>;

class Compiler implements Prepared {
  readonly #request: CompileRequest;
  readonly #regions: PlanRegion[] = [];
  readonly #slots: string[] = [];
  readonly #constants: number[] = [];
  /** Where tensors that do not live in the arena are. */
  readonly #places = new Map<Tensor, Place>();

  readonly #gathers: readonly Call[];
  readonly #calls: readonly Call[];
  readonly #copies: readonly Call[];

  constructor(request: CompileRequest) {
    this.#request = request;
    const nodes = reachableNodes(request.outputs.map((o) => o.tensor));
    const gathers = this.#placeInputs();
    for (const node of nodes) if (isSource(node.outputs[0]!)) this.#placeSource(node.outputs[0]!);
    const calls = lower(nodes);
    this.#copies = this.#placeOutputs(calls);
    const kept = new Set([...this.#places.keys(), ...this.#copies.map((copy) => copy.buffers.x as Tensor)]);
    this.#calls = request.fuse === false ? calls : fuse(calls, kept);
    this.#gathers = gathers.filter((g) => nodes.includes((g.buffers.y as Tensor).node));
  }

  get convolutions(): ConvolutionShape[] {
    return convolutionsOf(this.#calls);
  }

  compile(chooseTile?: CompileRequest['chooseTile']): Compiled {
    const { updates = [], name, precision, maxBatch } = this.#request;
    const chosen = chooseTile === undefined ? this.#calls : chooseTiles(this.#calls, chooseTile);
    const summed = this.#request.fuse === false ? chosen : momentsFromConvolutions(chosen);
    let calls = [...this.#gathers, ...summed, ...this.#copies];
    calls.push(...updates.map((update) => this.#update(update)));
    const ordered = prologueFirst(calls, (use) => this.#regionOf(use));
    calls = ordered.calls;
    const { prologue } = ordered;
    const segments = numberSegments(calls);
    const { buffers, numbers, arenaBytes } = this.#layBuffers(calls, segments, prologue);
    const planCalls = calls.map((call, i) => this.#finish(call, segments[i]!, numbers[i]!));
    const plan: Plan = {
      name,
      precision,
      maxBatch,
      calls: planCalls,
      prologue,
      buffers,
      regions: this.#regions,
      slots: this.#slots,
      arenaBytes,
    };
    checkBounds(plan);
    return { plan, constants: Float64Array.from(this.#constants) };
  }

  #region(name: string, dtype: DType): number {
    const index = this.#regions.findIndex((region) => region.name === name);
    if (index < 0) return this.#regions.push({ name, dtype }) - 1;
    if (this.#regions[index]!.dtype !== dtype)
      throw wrongShape(this.#request.name, `region ${name} is ${this.#regions[index]!.dtype} and ${dtype} at once`);
    return index;
  }

  /** The name of the region that holds a buffer; undefined: the arena. */
  #regionOf(use: Tensor | RegionUse): string | undefined {
    return isTensorUse(use) ? this.#regions[this.#places.get(use)?.region ?? -1]?.name : use.region;
  }

  #slot(name: string): number {
    const index = this.#slots.indexOf(name);
    return index < 0 ? this.#slots.push(name) - 1 : index;
  }

  /** Places the inputs that are read where they lie; returns the calls that gather the others. */
  #placeInputs(): Call[] {
    const gathers: Call[] = [];
    for (const { tensor, region, offset = 0, gather } of this.#request.inputs) {
      const { perImage } = elements(tensor.shape);
      if (gather === undefined) {
        this.#places.set(tensor, this.#at(region, tensor, { offset, perRow: perImage }));
        continue;
      }
      const indices: RegionUse = { region: gather.indices, length: -1 };
      const source: RegionUse = { region, length: -1 };
      const ints = { rows: { fixed: 0, perImage: 1 }, k: perImage, sourceRows: { fixed: 0, slot: gather.rowsSlot } };
      const reals = { factor: gather.factor ?? 1, shift: gather.shift ?? 0 };
      const kernel = ({ real: 'gather_rows', u8: 'gather_bytes', i32: 'gather_labels' } as const)[gather.from];
      gathers.push({ kernel, buffers: { source, indices, y: tensor }, ints, reals, label: tensor.node.label });
    }
    return gathers;
  }

  #placeSource(tensor: Tensor): void {
    const { op, attributes, label } = tensor.node;
    if (op === parameterOp) {
      const index = this.#request.parameters.indexOf(tensor);
      if (index < 0) throw wrongShape(this.#request.name, `parameter '${label}' is not among the plan's parameters`);
      const offset = parameterLayout(this.#request.parameters).offsets[index]!;
      this.#places.set(tensor, this.#at('parameters', tensor, { offset }));
    } else if (op === constantOp) {
      const offset = this.#constants.length;
      const { values } = attributes as SourceAttributes;
      for (const value of values!) this.#constants.push(value);
      while (this.#constants.length % 16 !== 0) this.#constants.push(0);
      this.#places.set(tensor, this.#at('constants', tensor, { offset }));
    } else if (op === inputOp && !this.#request.inputs.some((i) => i.tensor === tensor)) {
      throw wrongShape(this.#request.name, `no values are given for the input '${label}' ${showShape(tensor.shape)}`);
    }
  }

  /** Puts each output's tensor straight where it shall go, if a call makes it and no other output wants it; returns copies for the rest. */
  #placeOutputs(calls: readonly Call[]): Call[] {
    const made = new Set<unknown>();
    for (const call of calls)
      for (const { name, role } of kernelSpecs[call.kernel].buffers) if (role !== 'in') made.add(call.buffers[name]);
    const copies: Call[] = [];
    for (const { tensor, region, offset = 0, perStep = 0 } of this.#request.outputs) {
      const base = baseOf(tensor);
      const place = this.#at(region, tensor, { offset, perStep, perRow: elements(tensor.shape).perImage });
      if (made.has(base) && !this.#places.has(base)) {
        this.#places.set(base, place);
        continue;
      }
      if (tensor.dtype !== 'real')
        throw new SteepestError('ERR_SHAPE', `${this.#request.name}: the output '${tensor.node.label}' is not real`);
      const copy: Tensor = { ...tensor, id: -1 };
      this.#places.set(copy, place);
      const n = elements(tensor.shape);
      copies.push({ kernel: 'copy_forward', buffers: { x: base, y: copy }, ints: { n }, reals: {}, label: region });
    }
    return copies;
  }

  #at(region: string, tensor: Tensor, place: Partial<Omit<Place, 'region'>>): Place {
    return { region: this.#region(region, tensor.dtype), offset: 0, perRow: 0, perStep: 0, ...place };
  }

  #update({ kernel, buffers, ints, reals }: PlanUpdate): Call {
    const counts = Object.fromEntries(
      Object.entries(ints).map(([k, v]) => [k, typeof v === 'number' ? v : { fixed: 0, slot: v.slot }]),
    );
    const uses = Object.fromEntries(
      kernelSpecs[kernel].buffers
        .filter(({ name, optional }) => !optional || buffers[name] !== undefined)
        .map(({ name, length }) => [name, { region: buffers[name]!, length: length(ints as Record<string, number>) }]),
    );
    return { kernel, buffers: uses, ints: counts, reals, label: kernel };
  }

  /** Numbers the buffers of all calls and gives each its place. */
  #layBuffers(calls: readonly Call[], segments: readonly number[], prologue: number) {
    const buffers: PlanBuffer[] = [];
    const inArena: { buffer: number; first: number; last: number }[] = [];
    const known = new Map<Tensor | RegionUse, number>();
    // Within a segment threads are at different calls at one time: what lives there lives through all of it.
    const positions = positionsOf(segments);
    const numbers = calls.map((call, i) =>
      kernelSpecs[call.kernel].buffers.map(({ name, type }) => {
        const use = call.buffers[name];
        if (use === undefined) return -1;
        let number = known.get(use);
        if (number === undefined) {
          number = buffers.push(this.#buffer(use, type)) - 1;
          known.set(use, number);
          if (buffers[number]!.region < 0) inArena.push({ buffer: number, first: positions[i]!, last: positions[i]! });
        }
        const life = inArena.find((life) => life.buffer === number);
        if (life === undefined) return number;
        // What the prologue made for the steps lives through all of them, and stays for the next run.
        life.last = life.first < prologue && i >= prologue ? Number.POSITIVE_INFINITY : positions[i]!;
        return number;
      }),
    );
    const bytesOf = ({ dtype, fixed, perImage }: PlanBuffer) =>
      (fixed + perImage * this.#request.maxBatch) * elementBytes(dtype, this.#request.precision);
    const layout = layoutArena(
      inArena.map(({ buffer, first, last }) => ({ bytes: bytesOf(buffers[buffer]!), first, last })),
    );
    for (const [i, { buffer }] of inArena.entries())
      buffers[buffer] = { ...buffers[buffer]!, offset: layout.offsets[i]! };
    return { buffers, numbers, arenaBytes: layout.bytes };
  }

  #buffer(use: Tensor | RegionUse, dtype: DType): PlanBuffer {
    if (isTensorUse(use)) {
      const place = this.#places.get(use) ?? { region: -1, offset: 0, perRow: 0, perStep: 0 };
      return { dtype: use.dtype, ...elements(use.shape), ...place };
    }
    const { region, length } = use;
    const place = { region: this.#region(region, dtype), offset: 0, perStep: 0 };
    if (length >= 0) return { dtype, fixed: length, perImage: 0, perRow: 0, ...place };
    // What a gather reads: the indices move with the rows, the source is as long as its storage.
    const isIndices = this.#request.inputs.some((input) => input.gather?.indices === region);
    return isIndices
      ? { dtype, fixed: 0, perImage: 1, perRow: 1, ...place }
      : { dtype, fixed: 0, perImage: 0, perRow: 0, ...place };
  }

  #finish(call: Call, segment: number, buffers: number[]): PlanCall {
    const spec = kernelSpecs[call.kernel];
    const reals = spec.reals.map((name) => {
      const value = call.reals[name]!;
      return typeof value === 'number' ? value : { slot: this.#slot(value.slot) };
    });
    return {
      kernel: call.kernel,
      buffers,
      ints: spec.ints.map((name) => this.#int(call.ints[name] ?? 0)),
      reals,
      segment,
      label: call.label,
    };
  }

  #int(value: IntExpr): IntValue {
    if (typeof value === 'number') return { fixed: value };
    const { slot, ...rest } = value;
    return slot === undefined ? rest : { ...rest, slot: this.#slot(slot) };
  }
}

export function elementBytes(dtype: DType, precision: Precision): number {
  if (dtype === 'real') return precision === 'float64' ? 8 : 4;
  return dtype === 'i32' ? 4 : dtype === 'u16' ? 2 : 1;
}

/** Neighbouring calls that work row by row, with batched outputs only, share a segment number; the others have -1. */
function numberSegments(calls: readonly Call[]): number[] {
  let current = -1;
  let open = false;
  return calls.map((call) => {
    const spec = kernelSpecs[call.kernel];
    const outputs = spec.buffers.filter(({ role, name }) => role !== 'in' && call.buffers[name] !== undefined);
    const sliceable =
      spec.slice &&
      !readsLargeFilter(call) &&
      outputs.every(({ name }) => {
        const use = call.buffers[name]!;
        return isTensorUse(use) && isBatched(use.shape);
      });
    if (sliceable && !open) current++;
    open = sliceable;
    return sliceable ? current : -1;
  });
}

/** A time for each call: the calls of one segment share it. */
function positionsOf(segments: readonly number[]): number[] {
  let time = -1;
  return segments.map((segment, i) => {
    if (segment < 0 || segment !== segments[i - 1]) time++;
    return time;
  });
}

/** Asks each kernel what it needs for the largest batch, and compares with what the plan gives it. */
function checkBounds(plan: Plan): void {
  for (const call of plan.calls) {
    const spec = kernelSpecs[call.kernel];
    const ints: Record<string, number> = {};
    for (const [i, name] of spec.ints.entries()) ints[name] = intAt(call.ints[i]!, plan.maxBatch);
    for (const [i, { name, length }] of spec.buffers.entries()) {
      const buffer = plan.buffers[call.buffers[i]!];
      if (buffer === undefined) continue;
      const need = length(ints);
      const have = buffer.fixed + buffer.perImage * plan.maxBatch;
      const unknown = buffer.fixed === 0 && buffer.perImage === 0 && buffer.region >= 0; // as long as its storage
      if (!unknown && !(need <= have))
        throw wrongShape(call.label, `${call.kernel} needs ${need} elements for ${name} but the plan has ${have}`);
    }
  }
}

/** The value of a whole number of a call for a whole batch of `images` (slots count as 0). */
export function intAt({ fixed, perImage = 0, perBatch = 0 }: IntValue, images: number): number {
  return fixed + (perImage + perBatch) * images;
}
