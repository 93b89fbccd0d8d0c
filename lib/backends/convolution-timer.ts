/** How long convolutions take: plans of a call or two on the backend's own thread, so that the event loop stays free. */
import type { Backend, ConvolutionShape, IntValue, Plan, PlanBuffer, PlanCall, Storage } from './backend.js';
import { type KernelName, kernelSpecs } from './kernels.js';
import { convolutionKernels, filterTransform } from './tiles.js';

/** Inputs that cost the same whatever the algorithm. */
const ENDINGS: readonly string[] = ['factor', 'bias', 'addend', 'mask'];

/** A convolution that is timed with any of `tiles`, on `images` images at most. */
export interface TimedShape {
  readonly shape: ConvolutionShape;
  readonly tiles: readonly number[];
  readonly images: number;
}

/** Milliseconds: of the transform of a filter (0 where there is none), of the convolution. */
export interface Times {
  readonly transform: number;
  readonly convolution: number;
}

export function flopsOf({ direction, ...sizes }: ConvolutionShape): number {
  return kernelSpecs[convolutionKernels[direction]].flops({ ...sizes, n: 1 });
}

/** Where each buffer of the convolution lies (undefined: left out) for any of its tiles, and the elements of both regions. */
function layout({ shape: { direction, ...sizes }, tiles, images }: TimedShape) {
  const lengths: [number, number] = [0, 0];
  const places = kernelSpecs[convolutionKernels[direction]].buffers.map(
    ({ name, type, length }): PlanBuffer | undefined => {
      if (ENDINGS.includes(name) || (name === 'argmax' && sizes.pool === 0)) return undefined;
      const region = type === 'real' ? 0 : 1;
      const fixed = Math.max(...tiles.map((tile) => length({ ...sizes, n: images, tile })));
      const offset = lengths[region];
      lengths[region] += Math.ceil(fixed / 16) * 16;
      return { dtype: type, region, offset, fixed, perImage: 0, perRow: 0, perStep: 0 };
    },
  );
  return { places, lengths };
}

/** Floats that timing it takes. */
export function floatsOf(timed: TimedShape): number {
  return layout(timed).lengths[0];
}

export class ConvolutionTimer {
  readonly #backend: Backend;
  readonly #storages: readonly [Storage, Storage];

  private constructor(backend: Backend, shapes: readonly TimedShape[]) {
    this.#backend = backend;
    const lengths = shapes.map((shape) => layout(shape).lengths);
    const reals = backend.allocate('real', Math.max(...lengths.map(([reals]) => reals)));
    this.#storages = [reals, backend.allocate('u16', Math.max(...lengths.map(([, places]) => places)))];
  }

  /** With memory for each of these shapes in turn. */
  static async open(backend: Backend, shapes: readonly TimedShape[]): Promise<ConvolutionTimer> {
    const timer = new ConvolutionTimer(backend, shapes);
    try {
      await timer.#touch();
      return timer;
    } catch (error) {
      timer.dispose();
      throw error;
    }
  }

  dispose(): void {
    for (const storage of this.#storages) storage.dispose();
  }

  /** Writes to the memory: reading pages that were never written takes no time, as they are all one. */
  #touch(): Promise<readonly number[]> {
    const half = this.#storages[0].length / 2;
    const part = (offset: number): PlanBuffer => ({
      ...{ dtype: 'real', region: 0, offset, fixed: half, perImage: 0, perRow: 0, perStep: 0 },
    });
    const buffers = [part(0), part(half)];
    const copy = (...places: number[]) => callOf('copy_forward', places, { n: half });
    return this.#run(buffers, [copy(0, 1), copy(1, 0)], 1);
  }

  async time(timed: TimedShape, tile: number, images: number): Promise<Times> {
    const { direction, ...sizes } = timed.shape;
    const kernel = convolutionKernels[direction];
    const transform = filterTransform(timed.shape, tile);
    const buffers: PlanBuffer[] = [];
    const at: Record<string, number> = {};
    for (const [i, place] of layout(timed).places.entries()) {
      const { name } = kernelSpecs[kernel].buffers[i]!;
      at[name] = place === undefined || (name === 'u' && transform === undefined) ? -1 : buffers.push(place) - 1;
    }
    const calls = [callOf(kernel, Object.values(at), { ...sizes, n: images, relu: 0, tile })];
    if (transform !== undefined) calls.unshift(callOf('winograd_filter_forward', [at.filter!, at.u!], transform));
    const times = await this.#run(buffers, calls, images);
    return { transform: transform === undefined ? 0 : times[0]!, convolution: times.at(-1)! };
  }

  /** Milliseconds of each call. */
  async #run(buffers: readonly PlanBuffer[], calls: readonly PlanCall[], batch: number): Promise<readonly number[]> {
    const plan: Plan = {
      name: 'tuning',
      precision: this.#backend.precision,
      maxBatch: batch,
      calls,
      buffers,
      regions: [
        { name: 'reals', dtype: 'real' },
        { name: 'argmax', dtype: 'u16' },
      ],
      slots: [],
      arenaBytes: 0,
    };
    const executable = this.#backend.load(plan);
    try {
      const slots = new Float64Array(0);
      const run = executable.run({ regions: this.#storages, batch, rows: batch, slots, events: 1 + calls.length });
      await run.done;
      const { numbers } = run.events(); // the step, then its calls
      return calls.map((_, i) => (numbers[6 * i + 11]! - numbers[6 * i + 10]!) / 1e6);
    } finally {
      executable.dispose();
    }
  }
}

function callOf(kernel: KernelName, buffers: readonly number[], values: Readonly<Record<string, number>>): PlanCall {
  const ints = kernelSpecs[kernel].ints.map((name): IntValue => ({ fixed: values[name]! }));
  return { kernel, buffers, ints, reals: [], segment: -1, label: 'tuning' };
}
