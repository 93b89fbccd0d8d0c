/** Data sets from the web, with checked sums: see catalogue.ts for where they are. */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkCallback, checkOneOf, checkOptions, checkSignal, wrongRange, wrongType } from '../errors.js';
import { catalogue, type FetchedFile, type FetchedName, type FetchedSet, fetchedNames } from './catalogue.js';
import { download, md5Of } from './download.js';
import { extract } from './tar.js';

/** How far a file is. */
export interface FetchProgress {
  readonly file: string;
  readonly bytes: number;
  /** Undefined where the server does not tell. */
  readonly total: number | undefined;
}

export interface FetchOptions {
  /** The folder that the files go to; it is made where it is not there. Default: data/<name>. */
  readonly dir?: string;
  /** Another place that hands out the same files, in place of the usual one. */
  readonly mirror?: string | URL;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** Ends it; it then rejects with the signal's reason, and what has arrived is kept for the next time. */
  readonly signal?: AbortSignal;
}

/**
 * Fetches a data set to a folder, for `mnist`, `cifar10` and `cifar100` to read: 'mnist', 'fashion', 'cifar10' or 'cifar100'. Files that are there with
 * the right sum are not fetched again; one that is there in part is completed, where the server can do that. CIFAR's archive is unpacked, and goes.
 *
 * @returns the folder.
 * @throws (rejects) SteepestError ERR_NETWORK where the server cannot be reached or has no such file; ERR_FORMAT where a file has not the published MD5
 *   sum: it is then deleted; TypeError, RangeError on options; the signal's reason; Node's own error where the folder cannot be written.
 * @example const { train, test } = await mnist(await fetchDataset('mnist'));
 */
export async function fetchDataset(name: FetchedName, options?: FetchOptions): Promise<string> {
  checkOneOf('fetchDataset', 'name', name, fetchedNames);
  return fetchSet(catalogue[name], join('data', name), options);
}

/** The same of any set. */
export async function fetchSet({ url, files }: FetchedSet, usual: string, options?: FetchOptions): Promise<string> {
  const where = 'fetchDataset';
  checkOptions(where, options, ['dir', 'mirror', 'onProgress', 'signal']);
  const { dir = usual, mirror = url } = options ?? {};
  const tell = checkCallback(where, 'onProgress', options?.onProgress);
  const signal = checkSignal(where, options?.signal);
  if (typeof dir !== 'string') throw wrongType(where, 'dir', 'a path', dir);
  const base = baseOf(where, mirror);
  await mkdir(dir, { recursive: true });
  for (const file of files) {
    signal?.throwIfAborted();
    const path = join(dir, file.name);
    if (await isThere(file, dir)) continue;
    if ((await md5Of(path)) !== file.md5) {
      const onProgress = (bytes: number, total: number | undefined) => tell?.({ file: file.name, bytes, total });
      await download(where, new URL(file.name, base), path, file.md5, { onProgress, signal });
    }
    if (file.holds === undefined) continue;
    await extract(where, path, dir, file.holds);
    await rm(path);
  }
  return dir;
}

function baseOf(where: string, mirror: unknown): URL {
  if (typeof mirror !== 'string' && !(mirror instanceof URL)) throw wrongType(where, 'mirror', 'an address', mirror);
  const text = String(mirror);
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw wrongRange(where, 'mirror', 'an address that begins with http:// or https://', mirror);
  return new URL(text.endsWith('/') ? text : `${text}/`);
}

/** Whether all files of an archive are there. (A plain file is found by its sum.) */
async function isThere({ holds }: FetchedFile, dir: string): Promise<boolean> {
  if (holds === undefined) return false;
  const sizes = Object.entries(holds).map(async ([name, bytes]) => {
    const found = await stat(join(dir, name)).catch(() => undefined);
    return found?.size === bytes;
  });
  return (await Promise.all(sizes)).every(Boolean);
}
