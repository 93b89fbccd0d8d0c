/** A folder of a run's checkpoints: checkpoint-0000000128.safetensors is that after 128 steps. The last two are kept. */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SteepestError } from '../../errors.js';
import { isLeftover, unwritable } from '../../files.js';
import { type Contents, checkpointError, Damage, readCheckpoint, unreadable, type Where } from './file.js';

const KEPT = 2;
const NAME = /^checkpoint-(\d+)\.safetensors$/;
const isCheckpoint = (name: string) => NAME.test(name);

/** A checkpoint that was read. */
export interface Found {
  readonly path: string;
  readonly contents: Contents;
}

export class CheckpointFolder {
  constructor(
    readonly where: Where,
    readonly path: string,
  ) {}

  fileOf(steps: number): string {
    return join(this.path, `checkpoint-${String(steps).padStart(10, '0')}.safetensors`);
  }

  /** The files, the latest first. None where there is no such folder. */
  async files(): Promise<{ readonly path: string; readonly steps: number }[]> {
    const names = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw unreadable(this.where, this.path, error);
    });
    const files = names.flatMap((name) => {
      const steps = Number(NAME.exec(name)?.[1]);
      return Number.isNaN(steps) ? [] : [{ path: join(this.path, name), steps }];
    });
    return files.sort((a, b) => b.steps - a.steps);
  }

  /**
   * Makes it ready for a run that begins after so many steps.
   * @throws (rejects) ERR_CHECKPOINT where it has checkpoints of later steps, or (steps undefined: no run is resumed) any; ERR_FILE
   */
  async begin(steps: number | undefined): Promise<void> {
    const [latest] = await this.files();
    if (latest !== undefined && (steps === undefined || latest.steps > steps)) {
      const whose =
        steps === undefined ? 'checkpoints of an earlier run: resume it' : 'later checkpoints: resume those';
      throw new SteepestError(
        'ERR_CHECKPOINT',
        `${this.where}: '${this.path}' has ${whose}, give another folder, or remove them (the last is '${latest.path}')`,
      );
    }
    try {
      await mkdir(this.path, { recursive: true });
      for (const name of await readdir(this.path))
        if (isLeftover(name, isCheckpoint)) await rm(join(this.path, name), { force: true });
    } catch (error) {
      throw unwritable(this.where, 'checkpoints', this.path, error);
    }
  }

  /** Removes all but the last two. */
  async prune(): Promise<void> {
    for (const { path } of (await this.files()).slice(KEPT))
      await rm(path, { force: true }).catch((error) => {
        throw unwritable(this.where, 'checkpoints', path, error);
      });
  }

  /**
   * The latest checkpoint that is whole; undefined where there is none at all. One that is damaged is renamed, and `warn` is told.
   * @throws (rejects) ERR_CHECKPOINT where all are damaged
   */
  async latest(warn: (message: string) => void): Promise<Found | undefined> {
    const damaged: { path: string; why: string }[] = [];
    for (const { path } of await this.files())
      try {
        const found = { path, contents: await readCheckpoint(this.where, path) };
        for (const { path: old, why } of damaged) {
          await rename(old, `${old}.damaged`);
          warn(
            `${this.where}: the checkpoint '${old}' is damaged (${why}) and now has .damaged behind its name; resuming '${path}'`,
          );
        }
        return found;
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        damaged.push({ path, why: error.message });
      }
    if (damaged.length === 0) return undefined;
    const [first, ...others] = damaged.map(({ path, why }) => `'${path}' (${why})`);
    throw new SteepestError(
      'ERR_CHECKPOINT',
      `${this.where}: no checkpoint is whole: ${first} is damaged${others.length > 0 ? `, and so is ${others.join(', ')}` : ''}`,
    );
  }
}

/**
 * The checkpoint at a path: a file, or the latest of a folder that is whole.
 * @throws (rejects) ERR_CHECKPOINT where there is none, or it is damaged: then with the name of the one before it; ERR_FILE
 */
export async function checkpointAt(where: Where, path: string, warn: (message: string) => void): Promise<Found> {
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? checkpointError(where, path, 'is not there') : unreadable(where, path, error);
  });
  if (entry.isDirectory()) {
    const found = await new CheckpointFolder(where, path).latest(warn);
    if (found === undefined) throw checkpointError(where, path, 'is a folder without any');
    return found;
  }
  try {
    return { path, contents: await readCheckpoint(where, path) };
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    const before = await wholeBefore(where, path);
    const offer = before === undefined ? '' : `; the one before it, '${before}', is whole`;
    throw checkpointError(where, path, `is damaged: ${error.message}${offer}`, error);
  }
}

/** The latest whole checkpoint before this one in its folder. */
async function wholeBefore(where: Where, path: string): Promise<string | undefined> {
  const steps = Number(NAME.exec(basename(path))?.[1]);
  for (const file of await new CheckpointFolder(where, dirname(path)).files())
    if (file.steps < steps)
      try {
        await readCheckpoint(where, file.path);
        return file.path;
      } catch {}
  return undefined;
}
