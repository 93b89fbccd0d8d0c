/** Keeps the models of the best epochs as files. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkInteger, checkOptions } from '../../errors.js';
import { checkPath, unwritable } from '../../files.js';
import type { Callback } from './callback.js';
import { Monitor, type MonitorOptions, monitorOptions } from './monitor.js';

export interface SaveBestOptions extends MonitorOptions {
  /** Where the files go: epoch-0007.safetensors is the model after epoch 7. It is made where it is not there. */
  readonly dir: string | URL;
  /** How many; >= 1. Default 1. */
  readonly keep?: number;
}

interface Saved {
  readonly epoch: number;
  readonly value: number;
}

/**
 * Saves the model after each epoch whose `monitor` is among the `keep` best, by more than `minDelta` (default 0), and removes the file that thereby
 * is no longer among them. `loadModel` reads the files.
 * @throws TypeError, RangeError on options, here; TypeError before the first step where the fit has no such number; ERR_FILE.
 * @example await model.fit(data, { epochs: 20, validationData, callbacks: [saveBest({ dir: 'best', keep: 3 })] });
 */
export function saveBest(options: SaveBestOptions): Callback {
  const name = 'saveBest';
  checkOptions(name, options ?? null, [...monitorOptions, 'dir', 'keep']);
  const dir = checkPath(name, options.dir);
  const keep = checkInteger(name, 'keep', options.keep ?? 1, 1);
  const monitor = new Monitor(name, options, 0);
  const fileOf = ({ epoch }: Saved) => join(dir, `epoch-${String(epoch).padStart(4, '0')}.safetensors`);
  /** The best first. */
  let saved: readonly Saved[];
  return {
    name,
    async onTrainBegin(fit, state) {
      monitor.begin(fit);
      saved = (state?.json as readonly Saved[] | undefined) ?? [];
      await mkdir(dir, { recursive: true }).catch((error) => {
        throw unwritable(name, 'the best models', dir, error);
      });
    },
    async onEpochEnd(record, fit) {
      const value = monitor.of(record);
      if (record.partial || (saved.length === keep && !monitor.better(value, saved.at(-1)!.value))) return;
      const mine = { epoch: record.epoch, value };
      await fit.model.save(fileOf(mine));
      const at = saved.findIndex((other) => monitor.better(value, other.value));
      const all = saved.toSpliced(at < 0 ? saved.length : at, 0, mine);
      saved = all.slice(0, keep);
      for (const gone of all.slice(keep)) await rm(fileOf(gone), { force: true });
    },
    state: () => ({ json: saved }),
  };
}
