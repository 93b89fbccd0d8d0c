/** A compiled plan on a device: storages are bound to its regions by name, and its slots are filled step by step. */
import type { Backend, ConvolutionShape, Executable, Plan, PlanRun, Storage } from '../backends/backend.js';
import { type CompileRequest, compile } from '../plan/compile.js';

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

export class Program {
  readonly plan: Plan;
  readonly #executable: Executable;
  readonly #constants: Storage | undefined;

  constructor(backend: Backend, request: CompileRequest) {
    const chooseTile = backend.chooseTile && ((shape: ConvolutionShape) => backend.chooseTile!(shape));
    const { plan, constants } = compile({ ...request, chooseTile });
    this.plan = plan;
    if (constants.length > 0) {
      this.#constants = backend.allocate('real', constants.length);
      this.#constants.write(constants);
    }
    this.#executable = backend.load(plan);
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
