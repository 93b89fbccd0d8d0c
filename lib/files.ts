/** Files that are written whole or not at all. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SteepestError, wrongType } from './errors.js';

/** ERR_FILE: `fit: expected a file to write for profile but 'a/b.json' gave ENOENT`. */
export function unwritable(where: string, what: string, path: string, cause: unknown): SteepestError {
  const { code } = cause as NodeJS.ErrnoException;
  return new SteepestError('ERR_FILE', `${where}: expected a file to write for ${what} but '${path}' gave ${code}`, {
    cause,
  });
}

/** The path that a user gave. TypeError where it is none. */
export function checkPath(where: string, path: unknown): string {
  if (path instanceof URL && path.protocol === 'file:') return fileURLToPath(path);
  if (typeof path !== 'string' || path === '') throw wrongType(where, 'path', 'a path or a file URL', path);
  return path;
}

/** ERR_FILE where there is no folder to write the file to: before long work whose result goes there. */
export async function checkWritable(where: string, what: string, path: string): Promise<void> {
  await access(dirname(path), constants.W_OK).catch((cause) => {
    throw unwritable(where, what, path, cause);
  });
}

/**
 * Writes a file beside its place and then puts it there: whoever reads meanwhile, or after the power failed, has the old file or the new one. Two that
 * write at once do not mix. `bytes` may come in pieces. ERR_FILE, and nothing left behind, where it cannot be written; `what` is what the file is for.
 */
export async function replaceFile(
  where: string,
  what: string,
  path: string,
  bytes: Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await writeFile(file, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(where, what, path, error);
  }
}

/** Has the names in a folder outlive a power failure. Windows does so by itself, and opens no folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Whether a name is that of a temporary file that a killed process left, in the place of a file that `ofFile` knows. */
export function isLeftover(name: string, ofFile: (name: string) => boolean): boolean {
  const match = /^(.*)\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(name);
  return match !== null && ofFile(match[1]!);
}
