/**
 * The checkpoints of minimize: where its last iteration ended, and the way back. Tensors: each parameter by its name, and in float64 what the method
 * holds, its point ('solver/theta') and the vectors that it remembers ('solver/0' ...). Samples need no state: they are a function of the seed and
 * the iteration.
 */
import { realArray } from '../../backends/backend.js';
import type { SafetensorsTensor } from '../../formats/safetensors.js';
import type { Origin, Vector } from '../../solvers/problem.js';
import type { Take } from '../kept-run.js';
import type { IterationRecord, MinimizeSettings } from '../minimize-options.js';
import type { Network } from '../network.js';
import { Checkpointer } from './checkpointer.js';
import { type Contents, checkpointError } from './file.js';
import type { Found } from './folder.js';
import { checkFigures, checkSetting, type Setting } from './setting.js';
import { placeOf, readKept, writeKept } from './tensors.js';

const SOLVER = 'solver/';

interface MinimizeState extends Setting {
  readonly iteration: number;
  /** What the method remembers, nothing yet before its start is measured: its numbers, and how many vectors. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly vectors: number;
  readonly records: readonly IterationRecord[];
  readonly tiles: readonly (readonly [string, number])[];
}

/** The run that is kept. */
interface Kept {
  readonly network: Network;
  readonly settings: MinimizeSettings;
  readonly setting: Setting;
  /** Of all iterations so far. */
  readonly records: readonly IterationRecord[];
}

export class IterationKeeper {
  readonly #run: Kept;
  readonly #begun: (take: Take) => void;
  readonly checkpoints: Checkpointer;
  #found: { readonly state: MinimizeState; readonly tensors: Contents['tensors'] } | undefined;
  /** Where the run began, or the last iteration ended. */
  #last: Origin | undefined;

  /** `begun` is given who takes checkpoints, as soon as the run begins. */
  constructor(run: Kept, begun: (take: Take) => void) {
    this.#run = run;
    this.#begun = begun;
    const iteration = () => this.#last?.iteration ?? 0;
    const source = {
      where: 'minimize' as const,
      get steps() {
        return iteration();
      },
      contents: () => this.#contents(),
      done() {},
      written() {},
    };
    this.checkpoints = new Checkpointer(source, run.settings);
  }

  /** Before anything changes: what is resumed is found to fit, and the folder is ready. */
  async prepare(found: Found | undefined): Promise<void> {
    const { network, setting } = this.#run;
    if (found !== undefined) {
      const { path, contents } = found;
      this.#found = { state: checkState(path, contents, network, setting), tensors: contents.tensors };
    }
    await this.checkpoints.open(this.#found?.state.iteration);
    if (this.#found?.state.device === network.backend.name) await network.restoreTiles(this.#found.state.tiles);
  }

  /** Puts the network where the checkpoint was taken; resolves to where the method goes on, and to the records of before. */
  async restore(): Promise<{ readonly origin: Origin; readonly records: readonly IterationRecord[] } | undefined> {
    if (this.#found === undefined) return undefined;
    const { state, tensors } = this.#found;
    this.#found = undefined;
    const { network } = this.#run;
    await writeKept(network, [parametersOf(network)], tensors);
    const vectorOf = (name: string | number) => tensors[SOLVER + name]!.data as Vector;
    const vectors = Array.from({ length: state.vectors }, (_, i) => vectorOf(i));
    const { iteration, numbers, records } = state;
    const memory = records.length > 0 && { memory: { numbers, vectors } };
    return { origin: { iteration, theta: vectorOf('theta'), ...memory }, records };
  }

  /** The run begins there, or an iteration has ended there and has its record. */
  reached(place: Origin): void {
    const first = this.#last === undefined;
    this.#last = place;
    if (!first) return;
    this.checkpoints.begin();
    this.#begun((file) => this.checkpoints.request(file));
  }

  async #contents(): Promise<Contents<MinimizeState>> {
    const { network, setting, records } = this.#run;
    const { iteration, theta, memory } = this.#last!;
    const { numbers = {}, vectors = [] } = memory ?? {};
    const state = {
      ...setting,
      ...{ iteration, numbers, vectors: vectors.length },
      ...{ records: records.slice(0, memory ? iteration + 1 : 0), tiles: [...network.tiles] },
    };
    const tensors = await readKept(network, [parametersOf(network)]);
    // In the middle of an iteration the device may have another point.
    for (const p of network.trained) {
      const { name, offset, count } = placeOf(network, p);
      const values = realArray(network.backend.precision, count);
      values.set(theta.subarray(offset, offset + count));
      tensors[name] = { ...tensors[name]!, data: values };
    }
    tensors[`${SOLVER}theta`] = tensorOf(theta);
    for (const [i, vector] of vectors.entries()) tensors[SOLVER + i] = tensorOf(vector);
    return { state, tensors };
  }
}

const parametersOf = ({ theta, parameters }: Network) => ({ prefix: '', storage: theta, parameters });

const tensorOf = (data: Vector): SafetensorsTensor => ({ dtype: 'F64', shape: [data.length], data });

/**
 * The state of a checkpoint, once it is known to fit.
 * @throws ERR_CHECKPOINT with what does not
 */
function checkState(path: string, { state, tensors }: Contents, network: Network, here: Setting): MinimizeState {
  const saved = state as MinimizeState | null;
  if (typeof saved?.numbers !== 'object' || saved.numbers === null || typeof saved.options !== 'object')
    throw checkpointError('minimize', path, 'has no state of minimize');
  checkSetting('minimize', path, { state: saved, tensors }, network, here, [SOLVER]);
  const { iteration, numbers, vectors, records, tiles } = saved;
  checkFigures('minimize', path, { iteration, vectors }, numbers);
  const unmeasured = iteration === 0 && records?.length === 0;
  if (!Array.isArray(records) || !(records.length === iteration + 1 || unmeasured) || !Array.isArray(tiles))
    throw checkpointError('minimize', path, 'has no state of minimize');
  for (const name of ['theta', ...Array.from({ length: vectors }, (_, i) => i)]) {
    const tensor = tensors[SOLVER + name];
    if (tensor?.dtype !== 'F64' || tensor.data.length !== network.layout.trained)
      throw checkpointError('minimize', path, `has no ${SOLVER}${name} of ${network.layout.trained} values in F64`);
  }
  return saved;
}
