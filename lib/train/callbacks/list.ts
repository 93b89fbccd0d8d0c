/** The callbacks of a fit, called one after the other; those that are options (onBatchEnd, onEpochEnd) last. */
import type { FitSettings } from '../options.js';
import type { BatchRecord, EpochRecord, History } from '../records.js';
import { type Callback, type CallbackState, type FitContext, stateNames } from './callback.js';

export type CallbackStates = Readonly<Record<string, CallbackState>>;

export class CallbackList {
  readonly #callbacks: readonly Callback[];
  readonly #names: readonly string[];
  readonly #settings: FitSettings;
  readonly #context: FitContext;
  /** Someone wants to know about each step: then steps run one by one. */
  readonly wantsBatches: boolean;
  readonly wantsLosses: boolean;

  constructor(settings: FitSettings, context: FitContext) {
    this.#callbacks = settings.callbacks;
    this.#names = stateNames(settings.callbacks);
    this.#settings = settings;
    this.#context = context;
    this.wantsBatches = [settings, ...settings.callbacks].some(({ onBatchEnd }) => onBatchEnd !== undefined);
    this.wantsLosses = settings.callbacks.some(({ onLosses }) => onLosses !== undefined);
  }

  async begin(states: CallbackStates | undefined): Promise<void> {
    for (const [i, callback] of this.#callbacks.entries())
      await callback.onTrainBegin?.(this.#context, states?.[this.#names[i]!]);
  }

  async losses(losses: readonly number[]): Promise<void> {
    for (const callback of this.#callbacks) await callback.onLosses?.(losses, this.#context);
  }

  async batchEnd(record: BatchRecord): Promise<void> {
    for (const callback of this.#callbacks) await callback.onBatchEnd?.(record, this.#context);
    await this.#settings.onBatchEnd?.(record);
  }

  async epochEnd(record: EpochRecord): Promise<void> {
    for (const callback of this.#callbacks) await callback.onEpochEnd?.(record, this.#context);
    await this.#settings.onEpochEnd?.(record);
  }

  async trainEnd(history: History): Promise<void> {
    for (const callback of this.#callbacks) await callback.onTrainEnd?.(history, this.#context);
  }

  /** By name, of those that have one. */
  states(): CallbackStates {
    return Object.fromEntries(
      this.#callbacks.flatMap((callback, i) => (callback.state ? [[this.#names[i]!, callback.state()]] : [])),
    );
  }
}
