/** The checkpoints of a fit: what they hold of it, and the way back. */
import type { CallbackList, CallbackStates } from '../callbacks/list.js';
import type { Network } from '../network.js';
import type { FitSettings } from '../options.js';
import type { Position } from '../position.js';
import type { Steps } from '../steps.js';
import { Checkpointer } from './checkpointer.js';
import type { Contents } from './file.js';
import type { Found } from './folder.js';
import type { Setting } from './setting.js';
import { checkContents, type FitState, packCallbacks, unpackCallbacks } from './state.js';
import { readKept, writeKept } from './tensors.js';

/** The fit that is kept. */
export interface Kept {
  readonly network: Network;
  readonly settings: FitSettings;
  /** What the fit has in common with one that resumes it: told when it is asked for. */
  readonly setting: () => Setting;
  readonly position: Position;
  readonly steps: Steps;
  readonly callbacks: CallbackList;
}

/** Where a fit stands, without its tensors. */
type Standing = Pick<FitState, 'position' | 'ofModel' | 'updates'> & { readonly callbacks: CallbackStates };

export class Keeper {
  readonly #fit: Kept;
  readonly checkpoints: Checkpointer;
  /** What is resumed. */
  #found: { readonly state: FitState; readonly tensors: Contents['tensors'] } | undefined;
  #told: Setting | undefined;
  #held: Standing | undefined;
  /** Arrays of the last checkpoint, for the next: memory that is new is slow. */
  #spare: Contents['tensors'] | undefined;

  /** `written` hears of each file that is there. */
  constructor(fit: Kept, written: (path: string, milliseconds: number) => void) {
    this.#fit = fit;
    const source = {
      where: 'fit' as const,
      get steps() {
        return fit.position.steps;
      },
      contents: () => this.#contents(),
      done: ({ tensors }: Contents) => {
        this.#spare = tensors;
      },
      written,
    };
    this.checkpoints = new Checkpointer(source, fit.settings);
  }

  get #setting(): Setting {
    this.#told ??= this.#fit.setting();
    return this.#told;
  }

  /** Before anything changes: what is resumed is found to fit, and the folder is ready. */
  async prepare(found: Found | undefined): Promise<void> {
    const { network, steps } = this.#fit;
    if (found !== undefined) {
      const { path, contents } = found;
      const state = checkContents(path, contents, network, this.#setting, (gathered) => steps.prefixes(gathered));
      this.#found = { state, tensors: contents.tensors };
    }
    await this.checkpoints.open(this.#found?.state.position.steps);
    if (this.#found?.state.device === network.backend.name) await network.restoreTiles(this.#found.state.tiles);
  }

  /** Puts the fit where the checkpoint was taken; resolves to the states of its callbacks. Undefined where none is resumed. */
  async restore(): Promise<CallbackStates | undefined> {
    if (this.#found === undefined) return undefined;
    const { network, position, steps } = this.#fit;
    const { state, tensors } = this.#found;
    this.#found = undefined;
    await writeKept(network, steps.kept(state.updates.gathered.steps > 0), tensors);
    steps.restore(state.updates);
    position.restore(state.position);
    [network.updates, network.epochs] = [state.ofModel.batches, state.ofModel.epochs];
    return unpackCallbacks(state.callbacks, tensors);
  }

  /** From now on the fit is kept as it stands here, until release(): an epoch's end is done again where it was not done to its end. */
  hold(): void {
    this.#held = this.#standing();
  }

  release(): void {
    this.#held = undefined;
  }

  #standing(): Standing {
    const { network, position, steps, callbacks } = this.#fit;
    return {
      position: position.state(),
      ofModel: { batches: network.updates, epochs: network.epochs },
      updates: steps.state(),
      callbacks: callbacks.states(),
    };
  }

  async #contents(): Promise<Contents<FitState>> {
    const { network, steps } = this.#fit;
    const { callbacks, ...standing } = this.#held ?? this.#standing();
    const packed = packCallbacks(callbacks);
    const tiles = [...network.tiles];
    const spare = this.#spare;
    this.#spare = undefined;
    const tensors = await readKept(network, steps.kept(standing.updates.gathered.steps > 0), spare);
    const state = { ...this.#setting, ...standing, tiles, callbacks: packed.json };
    return { state, tensors: { ...tensors, ...packed.tensors } };
  }
}
