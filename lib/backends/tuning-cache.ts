/** Choices that outlive the process: a small file in the user's cache folder for each machine, instruction set and version. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** What the choices were made for. */
export interface Machine {
  readonly steepest: string;
  readonly isa: string;
  readonly cpu: string;
}

/** Steepest's folder where this system keeps what a program may lose: XDG_CACHE_HOME or ~/.cache, ~/Library/Caches, LOCALAPPDATA. */
export function cacheFolder(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home?: string,
): string {
  const { XDG_CACHE_HOME: xdg = '', LOCALAPPDATA: local } = env;
  if (platform === 'win32') return join(local || join(home ?? homedir(), 'AppData', 'Local'), 'steepest');
  if (platform === 'darwin') return join(home ?? homedir(), 'Library', 'Caches', 'steepest');
  return join(isAbsolute(xdg) ? xdg : join(home ?? homedir(), '.cache'), 'steepest');
}

/** Numbers by name. A file that is damaged or another machine's counts as empty; where none can be written, choices last as long as the process. */
export class TuningCache {
  readonly #machine: Machine;
  readonly #folder: () => string;
  #choices: Map<string, number> | undefined;

  constructor(machine: Machine, folder: () => string = cacheFolder) {
    this.#machine = machine;
    this.#folder = folder;
  }

  get #path(): string {
    const { steepest, isa, cpu } = this.#machine;
    return join(this.#folder(), `tiles-${`${steepest}-${isa}-${cpu}`.replace(/[^\w.]+/g, '-')}.json`);
  }

  get(name: string): number | undefined {
    this.#choices ??= this.#read();
    return this.#choices.get(name);
  }

  /** Remembers a choice, and writes it beside those that other processes have written meanwhile. */
  set(name: string, choice: number): void {
    this.#choices = new Map([...this.#read(), ...(this.#choices ?? []), [name, choice]]);
    this.#write(this.#choices);
  }

  #read(): Map<string, number> {
    try {
      const { choices, ...machine } = JSON.parse(readFileSync(this.#path, 'utf8')) as Machine & { choices: object };
      const keys = Object.keys(this.#machine) as (keyof Machine)[];
      if (keys.every((key) => machine[key] === this.#machine[key]))
        return new Map(Object.entries(choices).filter(([, choice]) => typeof choice === 'number'));
    } catch {}
    return new Map();
  }

  /** In one step: who reads meanwhile sees the old file or the new one. */
  #write(choices: ReadonlyMap<string, number>): void {
    let temporary: string | undefined;
    try {
      const path = this.#path;
      temporary = `${path}.${randomUUID()}`;
      mkdirSync(dirname(path), { recursive: true });
      const contents = { ...this.#machine, choices: Object.fromEntries(choices) };
      writeFileSync(temporary, `${JSON.stringify(contents, null, 1)}\n`);
      renameSync(temporary, path);
    } catch {
      try {
        if (temporary !== undefined) rmSync(temporary, { force: true });
      } catch {}
    }
  }
}
