/** Files as streams of bytes, unpacked on the way: gzip (1f 8b) and xz (fd 7zXZ), found by their first bytes, whatever the name says. */
import { createReadStream, type ReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { show, wrongFormat, wrongType } from '../errors.js';

/** A path, a file URL, or the file's bytes. */
export type ByteSource = string | URL | Uint8Array;

const MAGIC = { gzip: [0x1f, 0x8b], xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] } as const;
const PIECE = 1 << 16;

/** What a source is called in messages. TypeError where it is none. */
export function sourceName(where: string, source: unknown): string {
  if (source instanceof Uint8Array) return show(source);
  if (typeof source === 'string' || source instanceof URL) return String(source);
  throw wrongType(where, 'source', 'a path, a file URL or a Uint8Array', source);
}

/** All bytes of a source as they are, packed or not. Node's own error where the file cannot be read. */
export async function readSource(source: ByteSource): Promise<Uint8Array> {
  return source instanceof Uint8Array ? source : await readFile(source);
}

/**
 * The bytes of a source in pieces of some 64 KB. ERR_FORMAT where a packed stream is cut or corrupt; Node's own error where the file
 * cannot be read. Of an xz file only the first stream is read (the program xz writes one).
 */
export async function* unpack(where: string, source: ByteSource): AsyncGenerator<Uint8Array, void> {
  const input = source instanceof Uint8Array ? Readable.from(pieces(source)) : createReadStream(source);
  try {
    const [head, rest] = await begin(input);
    const kind = (['gzip', 'xz'] as const).find((name) => MAGIC[name].every((byte, i) => head[i] === byte));
    if (kind === undefined) {
      yield head;
      yield* rest;
      return;
    }
    const packed = Readable.from(joined(head, rest), { objectMode: false });
    try {
      yield* kind === 'gzip' ? gunzipped(packed) : unxzed(packed);
    } catch (error) {
      if (isFileError(error)) throw error;
      const message = `expected a whole ${kind} stream but received a broken one`;
      throw wrongFormat(where, `${sourceName(where, source)}: ${message}`, error);
    }
  } finally {
    input.destroy();
  }
}

/** The event loop has a turn after so many milliseconds of parsing. */
const SLICE = 5;

/** Gives the bytes of a source to `take`, piece by piece, as `unpack` has them; the event loop stays free, and the signal is heeded. */
export async function parse(
  where: string,
  source: ByteSource,
  take: (piece: Uint8Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  let restAt = performance.now() + SLICE;
  for await (const piece of unpack(where, source)) {
    signal?.throwIfAborted();
    take(piece);
    if (performance.now() < restAt) continue;
    await setImmediate();
    restAt = performance.now() + SLICE;
  }
  signal?.throwIfAborted();
}

/** Node's error of a file, unlike those of zlib (Z_DATA_ERROR) and of the xz decoder (without a code). */
function isFileError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code !== undefined && !code.startsWith('Z_');
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** The first piece of at least six bytes (or all there is), and what follows it. */
async function begin(input: ReadStream | Readable): Promise<[Uint8Array, AsyncGenerator<Uint8Array>]> {
  const iterator = (input as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAGIC.xz.length; bytes += first.at(-1)!.length) {
    const { done, value } = await iterator.next();
    if (done) break;
    first.push(value);
  }
  const rest = async function* () {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  };
  return [Buffer.concat(first), rest()];
}

async function* joined(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

async function* gunzipped(packed: Readable): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: PIECE });
  packed.on('error', (error) => gunzip.destroy(error));
  try {
    yield* packed.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}

/** By xz-decompress (the decoder of the Linux kernel, as WebAssembly), which is loaded when it is first asked for. */
async function* unxzed(packed: Readable): AsyncGenerator<Uint8Array> {
  const { XzReadableStream } = createRequire(__filename)('xz-decompress') as {
    XzReadableStream: new (packed: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>;
  };
  const stream = new XzReadableStream(Readable.toWeb(packed) as ReadableStream<Uint8Array>);
  yield* stream;
}
