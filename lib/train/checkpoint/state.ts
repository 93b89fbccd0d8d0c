/**
 * What a checkpoint of a fit holds: all that its next steps depend on. Tensors: each parameter by its name (running statistics too), what the
 * optimizer keeps for each trained one ('optimizer/s/dense_1.weights'), what gradients added up to where an update is not complete ('gathered/...'),
 * and the arrays of callbacks ('callbacks/earlyStopping/...'). The order of rows and dropout need no state but counts: their random numbers are a
 * function of the seed and these.
 */
import { realArray, type Storage } from '../../backends/backend.js';
import { show } from '../../errors.js';
import type { SafetensorsTensor } from '../../formats/safetensors.js';
import { elements, sameShape, type Tensor } from '../../graph/tensor.js';
import type { CallbackState } from '../callbacks/callback.js';
import type { CallbackStates } from '../callbacks/list.js';
import type { Network } from '../network.js';
import type { PositionState } from '../position.js';
import type { StepsState } from '../steps.js';
import { type Contents, checkpointError } from './file.js';
import { PIECE_BYTES, Turns } from './turns.js';

/** What a run must have in common with the one that it resumes, as JSON. */
export interface Setting {
  readonly device: string;
  /** The model's layers; null where they are not this library's. */
  readonly layers: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface FitState extends Setting {
  readonly position: PositionState;
  readonly updates: StepsState;
  /** Batches and epochs since the model was made. */
  readonly ofModel: { readonly batches: number; readonly epochs: number };
  readonly tiles: readonly (readonly [string, number])[];
  /** By name, without their arrays. */
  readonly callbacks: Readonly<Record<string, unknown>>;
}

/** What the names of tensors begin with that are no parameters. */
export const OPTIMIZER = 'optimizer/';
export const GATHERED = 'gathered/';
const CALLBACKS = 'callbacks/';

/** Memory laid out as parameters are. */
export interface Kept {
  readonly prefix: string;
  readonly storage: Storage;
  readonly parameters: readonly Tensor[];
}

export type Tensors = Record<string, SafetensorsTensor>;

/** Copies what is in the engine's memory, when nobody else uses it; into the arrays of `spare`, which nobody needs any more, where it has them. */
export function readKept(network: Network, all: readonly Kept[], spare: Tensors = {}): Promise<Tensors> {
  return network.exclusive(async () => {
    const tensors: Tensors = {};
    const turns = new Turns();
    for (const { prefix, storage, parameters } of all)
      for (const p of parameters) {
        const { name, shape, offset, count } = placeOf(network, p);
        const values =
          (spare[prefix + name]?.data as Float32Array | undefined) ?? realArray(network.backend.precision, count);
        for (const [begin, end] of pieces(values)) {
          storage.read(values.subarray(begin, end), offset + begin);
          await turns.next();
        }
        tensors[prefix + name] = { dtype: dtypeOf(network), shape, data: values };
      }
    return tensors;
  });
}

/** Puts it back. */
export function writeKept(network: Network, all: readonly Kept[], tensors: Contents['tensors']): Promise<void> {
  return network.exclusive(async () => {
    const turns = new Turns();
    for (const { prefix, storage, parameters } of all)
      for (const p of parameters) {
        const { name, offset } = placeOf(network, p);
        const values = tensors[prefix + name]!.data as Float32Array;
        for (const [begin, end] of pieces(values)) {
          storage.write(values.subarray(begin, end), offset + begin);
          await turns.next();
        }
      }
  });
}

function* pieces({ length, BYTES_PER_ELEMENT }: Float32Array | Float64Array): Generator<[begin: number, end: number]> {
  const size = PIECE_BYTES / BYTES_PER_ELEMENT;
  for (let begin = 0; begin < length; begin += size) yield [begin, Math.min(begin + size, length)];
}

function placeOf({ parameters, layout }: Network, p: Tensor) {
  const shape = p.shape as readonly number[];
  return { name: p.node.label, shape, offset: layout.offsets[parameters.indexOf(p)]!, count: elements(p.shape).fixed };
}

const dtypeOf = ({ backend }: Network) => (backend.precision === 'float64' ? 'F64' : 'F32');

// ---- callbacks ----

/** The states of callbacks as JSON, and their arrays as tensors. */
export function packCallbacks(states: CallbackStates) {
  const json: Record<string, unknown> = {};
  const tensors: Record<string, SafetensorsTensor> = {};
  for (const [name, state] of Object.entries(states)) {
    json[name] = state.json ?? null;
    for (const [key, data] of Object.entries(state.arrays ?? {}))
      tensors[`${CALLBACKS}${name}/${key}`] = {
        dtype: data instanceof Float64Array ? 'F64' : 'F32',
        shape: [data.length],
        data,
      };
  }
  return { json, tensors };
}

export function unpackCallbacks(json: FitState['callbacks'], tensors: Contents['tensors']): CallbackStates {
  const states: Record<string, CallbackState> = {};
  for (const [name, value] of Object.entries(json)) {
    const prefix = `${CALLBACKS}${name}/`;
    const mine = Object.entries(tensors).filter(([key]) => key.startsWith(prefix));
    const arrays = Object.fromEntries(mine.map(([key, { data }]) => [key.slice(prefix.length), data as Float32Array]));
    states[name] = { json: value, ...(mine.length > 0 && { arrays }) };
  }
  return states;
}

// ---- does it fit? ----

/**
 * The state of a checkpoint, once it is known to fit: the parameters, all that is kept of them, and the settings.
 * @throws ERR_CHECKPOINT with what does not
 */
export function checkContents(
  path: string,
  { state, tensors }: Contents,
  network: Network,
  here: Setting,
  prefixes: (gathered: boolean) => readonly string[],
): FitState {
  const saved = state as FitState | null;
  if (
    typeof saved?.updates?.gathered !== 'object' ||
    typeof saved.position !== 'object' ||
    typeof saved.options !== 'object'
  )
    throw checkpointError(path, 'has no state of a fit');
  checkParameters(path, tensors, network);
  if (JSON.stringify(saved.layers) !== JSON.stringify(here.layers))
    throw checkpointError(path, 'is of another model: its layers are connected in another way, or have other options');
  for (const [name, value] of Object.entries(here.options))
    if (JSON.stringify(saved.options[name]) !== JSON.stringify(value))
      throw checkpointError(
        path,
        `was made with ${name} ${words(saved.options[name])}, but here it is ${words(value)}`,
      );
  checkFigures(path, saved, here.options.accumulate as number);
  for (const prefix of prefixes(saved.updates.gathered.steps > 0))
    for (const p of network.trained)
      if (tensors[prefix + p.node.label]?.data.length !== elements(p.shape).fixed)
        throw checkpointError(path, `has no ${prefix}${p.node.label} of ${elements(p.shape).fixed} values`);
  return saved;
}

/** Throws where counts are none, or lists are missing. `accumulate`: batches an update. */
function checkFigures(
  path: string,
  { position, updates, ofModel, tiles, callbacks }: FitState,
  accumulate: number,
): void {
  const { totals } = position;
  const { gathered } = updates;
  const counts = {
    ...{
      epoch: position.epoch,
      steps: position.steps,
      'rows of the epoch': totals?.rows,
      'steps of the epoch': totals?.steps,
    },
    ...{ updates: updates.updates, 'gathered steps': gathered.steps, 'gathered rows': gathered.rows },
    ...{ batches: ofModel?.batches, epochs: ofModel?.epochs },
  };
  const numbers = { seconds: position.seconds, loss: totals?.loss, 'factor of the rate': updates.rateFactor };
  for (const [name, value] of Object.entries(counts))
    if (!Number.isSafeInteger(value) || value < 0)
      throw checkpointError(path, `has no count for ${name} but ${words(value)}`);
  for (const [name, value] of Object.entries(numbers))
    if (typeof value !== 'number') throw checkpointError(path, `has no number for ${name} but ${words(value)}`);
  if (gathered.steps >= accumulate)
    throw checkpointError(path, `has ${gathered.steps} batches gathered for an update of ${accumulate}`);
  if (!Array.isArray(position.records) || !Array.isArray(tiles) || typeof callbacks !== 'object' || callbacks === null)
    throw checkpointError(path, 'has no state of a fit');
}

function checkParameters(path: string, tensors: Contents['tensors'], network: Network): void {
  const dtype = dtypeOf(network);
  const other = [OPTIMIZER, GATHERED, CALLBACKS];
  const left = new Set(Object.keys(tensors).filter((name) => !other.some((prefix) => name.startsWith(prefix))));
  for (const p of network.parameters) {
    const { name, shape } = placeOf(network, p);
    const tensor = tensors[name];
    left.delete(name);
    if (tensor === undefined) throw checkpointError(path, `is of another model: it has no ${name}`);
    if (!sameShape(tensor.shape, shape))
      throw checkpointError(
        path,
        `is of another model: its ${name} has shape [${tensor.shape.join(', ')}] where the model has [${shape.join(', ')}]`,
      );
    if (tensor.dtype !== dtype)
      throw checkpointError(path, `has values in ${tensor.dtype}, but the model computes in ${dtype}`);
  }
  for (const name of left) throw checkpointError(path, `is of another model: the model has no ${name}`);
}

function words(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : show(value);
}
