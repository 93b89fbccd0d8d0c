/** Reads files of LIBSVM's text format into sparse rows: see libsvm-parser.ts for the format. */
import { stat } from 'node:fs/promises';
import { checkInteger, checkOptions, checkSignal } from '../errors.js';
import { LibsvmParser } from './libsvm-parser.js';
import type { SparseDataset } from './sparse.js';
import { type ByteSource, parse, sourceName } from './unpack.js';

export interface LibsvmOptions {
  /** Number of features: a row with a larger index is refused. Default: the largest index in the file. */
  readonly features?: number;
  /** Ends the reading; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Reads a file of sparse rows, `label index:value index:value ...` a line, plain, gzipped or packed by xz. Indices count from 1 in the
 * file and from 0 in memory (index 1 is column 0). Blank lines and `#` comments are passed over, values of 0 are not stored. Rows stay
 * sparse: memory is 12 bytes a value. The event loop stays free.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @returns rows `x` (CSR: [rows, features], indices Int32Array, values Float64Array), labels `y` (Float64Array, as in the file), and the
 *   file's name and the line of each row.
 * @throws (rejects) SteepestError ERR_FORMAT, with `file` and `line` as properties and in the message, where a label or value is no
 *   finite decimal number (NaN, inf), a feature is not index:value, indices are below 1, repeated or not rising, or a row is longer than
 *   `features`; where there is no row; where a gzip or xz stream is broken. TypeError, RangeError on options; the signal's reason; Node's
 *   own error where the file cannot be read.
 * @example
 *   const { x, y } = await readLibsvm('heart_scale'); // x: 270 x 13, y: 270 labels, +1 and -1
 */
export async function readLibsvm(source: ByteSource, options?: LibsvmOptions): Promise<SparseDataset> {
  const name = sourceName('readLibsvm', source);
  checkOptions('readLibsvm', options, ['features', 'signal']);
  const { features, signal } = options ?? {};
  if (features !== undefined) checkInteger('readLibsvm', 'features', features, 1, 2 ** 31 - 1);
  checkSignal('readLibsvm', signal);
  const size = source instanceof Uint8Array ? source.length : (await stat(source)).size;
  const parser = new LibsvmParser(name, features, size);
  await parse('readLibsvm', source, (piece) => parser.push(piece), signal);
  return parser.end();
}
