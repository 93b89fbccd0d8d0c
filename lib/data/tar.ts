/** Files out of a tar archive (POSIX ustar), which is read as a stream: headers of 512 bytes, each before its file, filled up to blocks of 512. */
import { type FileHandle, open, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { wrongFormat } from '../errors.js';
import { unpack } from './unpack.js';

const BLOCK = 512;

/**
 * Puts the files of an archive (plain, gzip or xz) that are in `wanted` (name and size) into a folder, under their last names: whatever paths the
 * archive has, nothing is written anywhere else. ERR_FORMAT where the archive is none, or lacks one of them.
 */
export async function extract(where: string, archive: string, dir: string, wanted: Readonly<Record<string, number>>) {
  const fail = (message: string) => wrongFormat(where, `${archive}: ${message}`);
  const missing = new Set(Object.keys(wanted));
  let rest: Buffer = Buffer.alloc(0);
  let left = 0; // bytes of the file at hand, and then of what fills its last block
  let padding = 0;
  let file: FileHandle | undefined;
  let name = '';
  try {
    for await (const piece of unpack(where, archive)) {
      rest = Buffer.concat([rest, piece]);
      while (rest.length > 0) {
        if (left > 0) {
          const bytes = rest.subarray(0, left);
          await file?.writeFile(bytes);
          left -= bytes.length;
          rest = rest.subarray(bytes.length);
          if (left > 0) break;
        }
        if (file !== undefined) {
          await file.close();
          file = undefined;
          await rename(join(dir, `${name}.part`), join(dir, name));
          missing.delete(name);
        }
        const filled = Math.min(padding, rest.length);
        padding -= filled;
        rest = rest.subarray(filled);
        if (padding > 0 || rest.length < BLOCK) break;
        const header = rest.subarray(0, BLOCK);
        rest = rest.subarray(BLOCK);
        if (header.every((byte) => byte === 0)) continue; // the end
        const size = Number.parseInt(header.toString('latin1', 124, 136), 8);
        if (header.toString('latin1', 257, 262) !== 'ustar' || !(size >= 0)) throw fail('expected a tar archive');
        left = size;
        padding = (BLOCK - (size % BLOCK)) % BLOCK;
        name = basename(header.toString('latin1', 0, 100).replace(/\0.*$/s, ''));
        const plain = ['0', '\0'].includes(String.fromCharCode(header[156]!));
        if (plain && size > 0 && wanted[name] === size) file = await open(join(dir, `${name}.part`), 'w');
      }
    }
  } finally {
    await file?.close();
  }
  if (missing.size > 0) throw fail(`expected ${[...missing].join(', ')} in the archive, whole and of the right size`);
}
