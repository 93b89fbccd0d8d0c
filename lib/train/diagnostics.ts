/**
 * What a process can hear of all its fits, by `node:diagnostics_channel`: the channels steepest:fit:start { model, epochs, resumed }, steepest:fit:epoch
 * { model, record }, steepest:fit:checkpoint { model, path, milliseconds } (of copying and writing), steepest:fit:end { model, history } and
 * steepest:fit:error { model, error } (of a fit that had begun).
 */
import { channel } from 'node:diagnostics_channel';
import type { Model } from './model.js';
import type { EpochRecord, History } from './records.js';

interface Messages {
  start: { readonly epochs: number; readonly resumed: boolean };
  epoch: { readonly record: EpochRecord };
  checkpoint: { readonly path: string; readonly milliseconds: number };
  end: { readonly history: History };
  error: { readonly error: unknown };
}

const channels = {
  start: channel('steepest:fit:start'),
  epoch: channel('steepest:fit:epoch'),
  checkpoint: channel('steepest:fit:checkpoint'),
  end: channel('steepest:fit:end'),
  error: channel('steepest:fit:error'),
};

export function publish<K extends keyof Messages>(name: K, model: Model | undefined, message: Messages[K]): void {
  if (channels[name].hasSubscribers) channels[name].publish({ model, ...message });
}
