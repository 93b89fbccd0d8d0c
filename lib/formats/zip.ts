/**
 * Zip archives in memory, by Node's own deflate. Reading trusts nothing that an archive says of itself, and checks each file's sum.
 * Source: PKWARE, "APPNOTE.TXT", 4.3. Archives of 4 GB and more (zip64) and encrypted ones are refused.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { crc32 } from '../checksums.js';
import { FormatFailure, quoted } from '../failure.js';

const [LOCAL, ENTRY, END] = [0x04034b50, 0x02014b50, 0x06054b50];
const [STORED, DEFLATED] = [0, 8];
const SIZES = { local: 30, entry: 46, end: 22 } as const;
const UTF8 = 0x800;
/** Bit 0: encrypted. Bits 6 and 13 too. */
const ENCRYPTED = 0x2041;

/** The files of an archive by name, in its directory's order. Throws a FormatFailure. */
export function unzip(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = findEnd(view);
  const files = new Map<string, Uint8Array>();
  let at = view.getUint32(end + 16, true);
  let needed = 0;
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (at + SIZES.entry > end || view.getUint32(at, true) !== ENTRY)
      throw new FormatFailure(`expected ${left} more files in the zip archive's directory`);
    const entry = readEntry(view, at);
    if (files.has(entry.name)) throw new FormatFailure(`file ${quoted(entry.name)} is there twice`);
    // Files that share bytes could be far more than the archive.
    needed += SIZES.local + SIZES.entry + entry.packed;
    if (needed > bytes.length) throw new FormatFailure('expected files that do not share bytes');
    files.set(entry.name, content(view, entry));
    at = entry.next;
  }
  return files;
}

/** The end of the directory stands at the end, before a comment perhaps. */
function findEnd(view: DataView): number {
  const last = view.byteLength - SIZES.end;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--)
    if (view.getUint32(at, true) === END && at + SIZES.end + view.getUint16(at + 20, true) === view.byteLength)
      return at;
  throw new FormatFailure('expected a whole zip archive, with its directory at the end');
}

interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly sum: number;
  readonly packed: number;
  readonly size: number;
  /** Where the file's own header stands. */
  readonly local: number;
  readonly next: number;
}

function readEntry(view: DataView, at: number): Entry {
  const [u16, u32] = [(by: number) => view.getUint16(at + by, true), (by: number) => view.getUint32(at + by, true)];
  const nameEnd = at + SIZES.entry + u16(28);
  const name = Buffer.from(view.buffer, view.byteOffset, Math.min(nameEnd, view.byteLength)).subarray(at + SIZES.entry);
  return {
    name: name.toString('utf8'),
    ...{ flags: u16(8), method: u16(10), sum: u32(16), packed: u32(20), size: u32(24), local: u32(42) },
    next: nameEnd + u16(30) + u16(32),
  };
}

function content(view: DataView, { name, flags, method, sum, packed, size, local }: Entry): Uint8Array {
  const fail = (message: string, cause?: unknown) => new FormatFailure(`file ${quoted(name)}: ${message}`, { cause });
  if (flags & ENCRYPTED) throw fail('is encrypted');
  if (method !== STORED && method !== DEFLATED) throw fail(`is packed in an unknown way, ${method}`);
  if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) throw fail('has 4 GB or more (zip64)');
  if (local + SIZES.local > view.byteLength || view.getUint32(local, true) !== LOCAL)
    throw fail(`expected its header at byte ${local}`);
  const begin = local + SIZES.local + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (begin + packed > view.byteLength)
    throw fail(`expected ${packed} bytes at byte ${begin} but ${Math.max(0, view.byteLength - begin)} are left`);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + begin, packed);
  const plain = method === STORED ? bytes : inflated(bytes, size, fail);
  if (plain.length !== size) throw fail(`expected ${size} bytes but received ${plain.length}`);
  if (crc32(plain) !== sum) throw fail('its bytes do not have the sum (CRC-32) that the archive says');
  return plain;
}

function inflated(
  bytes: Uint8Array,
  size: number,
  fail: (message: string, cause?: unknown) => FormatFailure,
): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw fail(`expected ${size} packed bytes but received broken ones`, error);
  }
}

/** The bytes of an archive with these files; `packed` deflates them. The same files give the same bytes: all are of 1 January 1980. */
export function zip(files: Iterable<readonly [name: string, bytes: Uint8Array]>, packed: boolean): Uint8Array {
  const [parts, directory]: [Uint8Array[], Uint8Array[]] = [[], []];
  let at = 0;
  for (const [name, bytes] of files) {
    const content = packed ? deflateRawSync(bytes) : bytes;
    const title = Buffer.from(name);
    // Version, flags, method, time and date, sum, sizes, length of the name; no extra field.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(UTF8, 2);
    common.writeUInt16LE(packed ? DEFLATED : STORED, 4);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(title.length, 22);
    const entry = Buffer.alloc(SIZES.entry);
    entry.writeUInt32LE(ENTRY, 0);
    entry.writeUInt16LE(20, 4);
    common.copy(entry, 6);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, title);
    const local = [u32(LOCAL), common, title, content];
    parts.push(...local);
    at += local.reduce((sum, part) => sum + part.length, 0);
  }
  const end = Buffer.alloc(SIZES.end);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(
    directory.reduce((sum, part) => sum + part.length, 0),
    12,
  );
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
