/** A data set in the engine's memory: written there once, then read batch by batch by the plans that gather their rows. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { type Backend, type Precision, realArray, type Storage, type TypedArray } from '../backends/backend.js';
import type { Examples, Inputs } from '../data/dataset.js';
import type { Storages } from './program.js';

/** Values written at a time: copying them takes a few milliseconds, then other work of the program gets its turn. */
const SLICE = 1 << 20;

/** What a data set holds, as far as a plan must know. */
export interface Kinds {
  readonly x: 'real' | 'u8';
  readonly labels: boolean;
  readonly values: boolean;
  readonly weights: boolean;
}

export class Registered {
  /** Storages of examples by the names of the plans' regions: x, labels, targets, weights. */
  readonly storages: Storages;
  constructor(
    readonly rows: number,
    readonly kinds: Kinds,
    storages: Storages,
  ) {
    this.storages = storages;
  }

  dispose(): void {
    for (const storage of Object.values(this.storages)) storage?.dispose();
  }
}

export async function register(backend: Backend, { inputs, targets, weights }: Examples): Promise<Registered> {
  const storages: Record<string, Storage> = {};
  const [labels, values] = [targets.labels !== undefined, targets.values !== undefined];
  const kinds = { x: inputs.kind, labels, values, weights: weights !== undefined };
  const registered = new Registered(inputs.rows, kinds, storages);
  try {
    storages.x = await upload(backend, inputs.kind, inputs.values);
    if (targets.labels) storages.labels = await upload(backend, 'i32', targets.labels);
    if (weights) storages.weights = await upload(backend, 'real', weights);
    if (targets.values) storages.targets = await upload(backend, 'real', targets.values);
    return registered;
  } catch (error) {
    registered.dispose();
    throw error;
  }
}

export function registerInputs(backend: Backend, inputs: Inputs): Promise<Storage> {
  return upload(backend, inputs.kind, inputs.values);
}

async function upload(backend: Backend, dtype: 'real' | 'u8' | 'i32', values: TypedArray): Promise<Storage> {
  const { length } = values;
  const storage = backend.allocate(dtype, length, 'data');
  try {
    for (let at = 0; at < length; at += SLICE) {
      if (at > 0) await yieldToEvents();
      if (values.length !== length) throw new TypeError('the data was detached or shortened while it was read');
      storage.write(values.subarray(at, at + SLICE), at);
    }
    return storage;
  } catch (error) {
    storage.dispose();
    throw error;
  }
}

/** The first `count` values of a storage of reals. */
export function readReals(storage: Storage, count: number, precision: Precision): Float32Array | Float64Array {
  const values = realArray(precision, count);
  storage.read(values);
  return values;
}
