/**
 * A checkpoint as a file: a safetensors file whose metadata has the format's name and version, the state as JSON, and SHA-256 over the whole file (with
 * zeros in the place of the sum itself).
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SteepestError } from '../../errors.js';
import { replaceFile } from '../../files.js';
import { decodeSafetensors, type SafetensorsTensor, safetensorsPieces } from '../../formats/safetensors.js';
import { PIECE_BYTES, Turns } from './turns.js';

const FORMAT = 'steepest-checkpoint';
/** Goes up with any change that an earlier version could not read. */
const VERSION = '1';
const NO_SUM = '0'.repeat(64);
const SUM = /"sha256":"([0-9a-f]{64})"/;

/** What a checkpoint holds. */
export interface Contents<State = unknown> {
  /** As JSON: numbers may be NaN and infinite. */
  readonly state: State;
  readonly tensors: Readonly<Record<string, SafetensorsTensor>>;
}

/** Whose checkpoints: what messages begin with. */
export type Where = 'fit' | 'minimize';

/** ERR_CHECKPOINT, with the file's name. */
export function checkpointError(where: Where, path: string, message: string, cause?: unknown): SteepestError {
  return new SteepestError('ERR_CHECKPOINT', `${where}: the checkpoint '${path}' ${message}`, { cause });
}

/** ERR_FILE */
export function unreadable(where: Where, path: string, cause: NodeJS.ErrnoException): SteepestError {
  const message = `${where}: expected a checkpoint in '${path}' but reading it gave ${cause.code}`;
  return new SteepestError('ERR_FILE', message, { cause });
}

/** What is wrong with a file that is not as it was written. */
export class Damage extends Error {}

/** Writes it, whole or not at all; the event loop gets its turns. ERR_FILE where that cannot be. */
export async function writeCheckpoint(where: Where, path: string, { state, tensors }: Contents): Promise<void> {
  const metadata = { format: FORMAT, version: VERSION, sha256: NO_SUM, state: JSON.stringify(state, fromNumber) };
  const pieces = safetensorsPieces(tensors, metadata);
  const header = Buffer.from(pieces[0]!.buffer, pieces[0]!.byteOffset, pieces[0]!.length);
  header.write(await sumOf(pieces), placeOfSum(header));
  await replaceFile(where, 'the checkpoint', path, pieces);
}

/**
 * Reads it.
 * @throws (rejects) Damage where it is cut off or changed; ERR_CHECKPOINT on another format or version; ERR_FILE where it cannot be read.
 */
export async function readCheckpoint(where: Where, path: string): Promise<Contents> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(where, path, cause);
  });
  const { tensors, metadata } = decode(where, path, bytes);
  if (metadata.format !== FORMAT) throw checkpointError(where, path, 'is none: it has tensors, but no state of a run');
  if (metadata.version !== VERSION)
    throw checkpointError(where, path, `is of version ${metadata.version}, but this steepest reads version ${VERSION}`);
  const at = placeOfSum(bytes);
  const said = metadata.sha256;
  bytes.write(NO_SUM, at);
  const sum = await sumOf([bytes]);
  if (sum !== said) throw new Damage(`its checksum is ${sum.slice(0, 12)}... where it says ${said?.slice(0, 12)}...`);
  return { state: parse(metadata.state), tensors };
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null', toNumber);
  } catch (cause) {
    throw new Damage(`its state is no JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Where the sum stands in the header. Of a file that was made here it is there; strings inside the state have their quotes escaped. */
function placeOfSum(bytes: Buffer): number {
  const length = Number(bytes.readBigUInt64LE());
  const match = SUM.exec(bytes.toString('latin1', 8, 8 + length));
  if (match === null) throw new Damage('it has no checksum');
  return 8 + match.index + match[0].length - 65;
}

function decode(where: Where, path: string, bytes: Uint8Array) {
  if (bytes.length === 0) throw new Damage('it is empty');
  try {
    return decodeSafetensors(bytes, { name: path, where });
  } catch (error) {
    if ((error as SteepestError).code !== 'ERR_FORMAT') throw error;
    throw new Damage((error as Error).message.replace(`${where}: ${path}: `, ''), { cause: error });
  }
}

async function sumOf(pieces: readonly Uint8Array[]): Promise<string> {
  const hash = createHash('sha256');
  const turns = new Turns();
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      hash.update(piece.subarray(at, at + PIECE_BYTES));
      await turns.next();
    }
  return hash.digest('hex');
}

// ---- numbers that JSON does not know ----

function fromNumber(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? { $number: String(value) } : value;
}

function toNumber(_: string, value: unknown): unknown {
  const number = (value as { $number?: unknown } | null)?.$number;
  return typeof number === 'string' ? Number(number) : value;
}
