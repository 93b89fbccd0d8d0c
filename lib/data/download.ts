/** A file from the web: what is there of it already is not asked for again, and it is there whole and with the right sum, or not at all. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SteepestError, wrongFormat } from '../errors.js';

export interface DownloadOptions {
  /** Called for each piece that arrives. `total` is undefined where the server does not tell. */
  readonly onProgress: (bytes: number, total: number | undefined) => void;
  readonly signal: AbortSignal | undefined;
}

/** Failures in a row, without a byte between them, before it is given up. */
const TRIES = 5;
const PAUSE_MILLISECONDS = 200;
/** A server that sends nothing for so long is given up. */
const STALL_MILLISECONDS = 30_000;

const network = (where: string, url: URL, message: string, cause?: unknown) =>
  new SteepestError('ERR_NETWORK', `${where}: ${url}: ${message}`, { cause });

/** The answer is no: another try would not help. */
class Refused extends Error {}

/**
 * Fetches a file to `path`, by way of `path`.part, which stays where the transfer breaks off, for the next try. ERR_NETWORK where the server cannot be
 * reached or has no such file; ERR_FORMAT where the sum is wrong: then nothing stays.
 */
export async function download(where: string, url: URL, path: string, md5: string, options: DownloadOptions) {
  const part = `${path}.part`;
  for (let failures = 0; ; ) {
    options.signal?.throwIfAborted();
    const before = await sizeOf(part);
    try {
      await transfer(url, part, before, options);
      break;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof Refused) throw network(where, url, error.message);
      if (isFile(error)) throw error;
      failures = (await sizeOf(part)) > before ? 0 : failures + 1;
      if (failures === TRIES) throw network(where, url, `could not be fetched: ${reasonOf(error)}`, error);
      await sleep(PAUSE_MILLISECONDS, undefined, { signal: options.signal });
    }
  }
  const sum = await md5Of(part);
  if (sum !== md5) {
    await rm(part);
    const message = `expected a file with the MD5 sum ${md5} but received one with ${sum}; it was deleted`;
    throw wrongFormat(where, `${url}: ${message}`);
  }
  await rename(part, path);
}

/** The MD5 sum of a file; undefined where there is none. */
export async function md5Of(path: string): Promise<string | undefined> {
  const hash = createHash('md5');
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** An error of the disk (open, write), not of the network. */
const isFile = (error: unknown) => ['open', 'write', 'fsync'].includes((error as NodeJS.ErrnoException).syscall!);

/** fetch says "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

/** Adds what is missing of the file; begins anew where the server gives it only whole. */
async function transfer(url: URL, part: string, before: number, { onProgress, signal }: DownloadOptions) {
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const stall = setTimeout(() => stop.abort(new Error('the server sends nothing')), STALL_MILLISECONDS);
  try {
    const range: Record<string, string> = before > 0 ? { range: `bytes=${before}-` } : {};
    const headers = { 'accept-encoding': 'identity', ...range };
    const response = await fetch(url, { headers, signal: stop.signal });
    const { status, body } = response;
    if (status === 416 && before > 0) {
      await body?.cancel();
      await rm(part); // no beginning of this file, or all of it: it is fetched again
      throw new Error('the server has no more of the file');
    }
    if (status !== 200 && status !== 206) {
      await body?.cancel();
      throw new Refused(`expected the file but the server answered ${status}`);
    }
    const goesOn = status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${before}-`) === true;
    if (status === 206 && !goesOn) {
      await body?.cancel();
      await rm(part, { force: true });
      throw new Error('the server sent another part of the file');
    }
    const length = response.headers.get('content-length');
    let received = goesOn ? before : 0;
    const total = length === null ? undefined : received + Number(length);
    const file = await open(part, goesOn ? 'a' : 'w');
    try {
      for await (const piece of body ?? []) {
        stall.refresh();
        await file.writeFile(piece);
        received += piece.length;
        onProgress(received, total);
      }
    } finally {
      await file.close();
    }
    if (total !== undefined && received < total) throw new Error('the transfer broke off');
  } finally {
    clearTimeout(stall);
    signal?.removeEventListener('abort', abort);
  }
}
