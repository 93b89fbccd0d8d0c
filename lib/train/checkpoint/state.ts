/**
 * What a checkpoint of a fit holds: all that its next steps depend on. Tensors: each parameter by its name (running statistics too), what the
 * optimizer keeps for each trained one ('optimizer/s/dense_1.weights'), what gradients added up to where an update is not complete ('gathered/...'),
 * and the arrays of callbacks ('callbacks/earlyStopping/...'). The order of rows and dropout need no state but counts: their random numbers are a
 * function of the seed and these.
 */
import type { SafetensorsTensor } from '../../formats/safetensors.js';
import { elements } from '../../graph/tensor.js';
import type { CallbackState } from '../callbacks/callback.js';
import type { CallbackStates } from '../callbacks/list.js';
import type { Network } from '../network.js';
import type { PositionState } from '../position.js';
import type { StepsState } from '../steps.js';
import { type Contents, checkpointError } from './file.js';
import { checkFigures, checkSetting, type Setting } from './setting.js';

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
    throw checkpointError('fit', path, 'has no state of a fit');
  checkSetting('fit', path, { state: saved, tensors }, network, here, [OPTIMIZER, GATHERED, CALLBACKS]);
  checkPlace(path, saved, here.options.accumulate as number);
  for (const prefix of prefixes(saved.updates.gathered.steps > 0))
    for (const p of network.trained)
      if (tensors[prefix + p.node.label]?.data.length !== elements(p.shape).fixed)
        throw checkpointError('fit', path, `has no ${prefix}${p.node.label} of ${elements(p.shape).fixed} values`);
  return saved;
}

/** Throws where counts are none, or lists are missing. `accumulate`: batches an update. */
function checkPlace(
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
  checkFigures('fit', path, counts, numbers);
  if (gathered.steps >= accumulate)
    throw checkpointError('fit', path, `has ${gathered.steps} batches gathered for an update of ${accumulate}`);
  if (!Array.isArray(position.records) || !Array.isArray(tiles) || typeof callbacks !== 'object' || callbacks === null)
    throw checkpointError('fit', path, 'has no state of a fit');
}
