/** A compiled plan on a device: storages are bound to its regions by name, and its slots are filled step by step. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Backend, ConvolutionShape, Executable, Plan, PlanRun, Storage } from '../backends/backend.js';
import { type Compiled, type CompileRequest, prepare } from '../plan/compile.js';

export type Storages = Readonly<Record<string, Storage | undefined>>;
/** Numbers of a step by the slot's name. `step` counts from the run's first. */
export type SlotValues = (name: string, step: number) => number;

export interface Piece {
  readonly batch: number;
  readonly rows: number;
  readonly first?: number;
  /** Events to record at most. */
  readonly events?: number;
}

/** The choices of a model, by shape and strictness: what they were when its first plan with such a convolution was compiled, they stay. */
export type Tiles = Map<string, number>;

/** Compiles for a backend, with the choices that there are. */
export function compileFor(backend: Backend, request: CompileRequest, tiles: Tiles): Compiled {
  return prepare(request).compile(choiceOf(backend, request, tiles));
}

/** Compiles for a backend, once it has timed convolutions that it does not know, until `signal` at most; adds its choices to `tiles`. */
export async function compileTuned(
  backend: Backend,
  request: CompileRequest,
  tiles: Tiles,
  signal: AbortSignal,
): Promise<Compiled> {
  const prepared = prepare(request);
  const choose = choiceOf(backend, request, tiles);
  const open = prepared.convolutions.filter((shape) => !tiles.has(nameOf(shape, request)));
  if (open.length > 0) {
    await backend.tune?.(open, signal, request.strict);
    await yieldToEvents();
    for (const shape of open) tiles.set(nameOf(shape, request), choose(shape));
  }
  return prepared.compile(choose);
}

function nameOf(shape: ConvolutionShape, { strict = false }: CompileRequest): string {
  return JSON.stringify(strict ? { ...shape, strict } : shape);
}

function choiceOf(backend: Backend, request: CompileRequest, tiles: Tiles): (shape: ConvolutionShape) => number {
  return (shape) => tiles.get(nameOf(shape, request)) ?? backend.chooseTile?.(shape, request.strict) ?? 0;
}

export class Program {
  readonly plan: Plan;
  readonly #executable: Executable;
  readonly #constants: Storage | undefined;

  constructor(backend: Backend, { plan, constants }: Compiled) {
    this.plan = plan;
    this.#executable = backend.load(plan);
    if (constants.length === 0) return;
    try {
      this.#constants = backend.allocate('real', constants.length);
      this.#constants.write(constants);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Starts a run over a piece of the data. */
  run(storages: Storages, { batch, rows, first = 0, events = 0 }: Piece, slotValues: SlotValues): PlanRun {
    const regions = this.plan.regions.map(({ name }) => {
      const storage = name === 'constants' ? this.#constants : storages[name];
      if (storage === undefined) throw new Error(`${this.plan.name}: nothing is bound to region '${name}'`);
      return storage;
    });
    const names = this.plan.slots;
    const slots = new Float64Array(Math.ceil(rows / batch) * names.length);
    for (let i = 0; i < slots.length; i++)
      slots[i] = slotValues(names[i % names.length]!, Math.floor(i / names.length));
    return this.#executable.run({ regions, batch, rows, first, slots, events });
  }

  dispose(): void {
    this.#executable.dispose();
    this.#constants?.dispose();
  }
}

/** Resolves to the number of steps that a run does: all, or fewer where `signal` ends it after the step it is in. */
export async function stepsDone(run: PlanRun, signal: AbortSignal | undefined): Promise<number> {
  const stop = () => run.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await run.done;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
