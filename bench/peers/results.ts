/** The file of results: bench/results/<date>-<cpu or gpu>-peers.json, with the machine. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { PeerResult } from './compare.js';
import type { Gpu } from './gpu.js';

export interface Machine {
  readonly cpu: string;
  readonly processors: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** The one that was measured. */
  readonly gpu?: Gpu;
}

export interface ResultFile {
  readonly date: string;
  readonly machine: Machine;
  readonly results: readonly KeptResult[];
}

export interface KeptResult extends PeerResult {
  /** When it was written, and the machine's load then (processes that ran or waited, mean of a minute; the bench itself counts). */
  readonly time: string;
  readonly load: number;
}

export function machine(gpu?: Gpu): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    ...(gpu !== undefined && { gpu }),
  };
}

/** '2026-01-31-amd-epyc-peers.json', or with the name of the GPU. */
export function fileName(date: Date, processor: string): string {
  const slug = processor
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${date.toISOString().slice(0, 10)}-${slug}-peers.json`;
}

/** The old results, those against the same rival of the same network, mode, threads, batch, device and precision replaced by the new ones. */
export function merge<
  R extends Pick<PeerResult, 'model' | 'mode' | 'threads' | 'batch' | 'device'> & {
    rival?: string;
    precision?: string;
  },
>(old: readonly R[], fresh: readonly R[]): R[] {
  const key = ({ rival = 'torch', model, mode, threads, batch, device, precision = 'fp32' }: R) =>
    JSON.stringify([rival, model, mode, threads, batch, device, precision]);
  const replaced = new Set(fresh.map(key));
  return [...old.filter((result) => !replaced.has(key(result))), ...fresh];
}

/** Writes the results (of a GPU), keeping those that runs of the same day and processor left there. Returns the path. */
export function writeResults(folder: string, fresh: readonly PeerResult[], gpu?: Gpu): string {
  const now = new Date();
  const here = machine(gpu);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName(now, gpu?.name ?? here.cpu));
  const old: ResultFile | undefined = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  const stamp = { time: now.toISOString(), load: loadavg()[0]! };
  const kept: KeptResult[] = fresh.map((result) => ({ ...result, ...stamp }));
  const results = merge(old?.results ?? [], kept);
  writeFileSync(path, `${JSON.stringify({ date: stamp.time.slice(0, 10), machine: here, results }, null, 2)}\n`);
  return path;
}

/** The commit that is checked out, with '+' where files differ from it; undefined outside a repository. */
export function commit(root: string): string | undefined {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return undefined;
  }
}
