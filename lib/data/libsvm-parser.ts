/**
 * The text format of LIBSVM and SVMlight, byte by byte: a row a line, `label index:value index:value ...`, indices from 1 and rising,
 * `#` begins a comment, blank lines are no rows. Source: the README of LIBSVM (Chang and Lin), section "Data format".
 */
import { type SteepestError, wrongLine } from '../errors.js';
import { isDigit, parseDecimal, textOf } from './decimal.js';
import { cut, grown } from './grown.js';
import type { SparseDataset } from './sparse.js';

/** No number needs so many bytes; longer tokens are not kept. */
const LONGEST_TOKEN = 1024;
const MOST_ENTRIES = 2 ** 31 - 1;
/** Room is made at once for so many bytes of a file at most. */
const MOST_AT_ONCE = 2 ** 26;
const [NEWLINE, HASH, COLON] = [10, 35, 58];
const isBlank = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13);

/** Bytes that end a token: blanks and the beginning of a comment. */
const ENDS = Uint8Array.from({ length: 256 }, (_, byte) => (byte === HASH || isBlank(byte) ? 1 : 0));

/** Takes a file in pieces, wherever they are cut; memory grows with the rows that are really there. */
export class LibsvmParser {
  #starts = new Int32Array(1024);
  #labels = new Float64Array(1024);
  #lines = new Int32Array(1024);
  #indices = new Int32Array(4096);
  #values = new Float64Array(4096);
  #rows = 0;
  #entries = 0;
  /** What the last piece left: a token that may go on. */
  #rest: Uint8Array = new Uint8Array(0);
  #line = 1;
  /** Largest index so far in the row; -1 before its label. */
  #index = -1;
  #columns = 0;
  #comment = false;

  /** `features`: the largest index that rows may have. `bytes`: about how many there will be, to make room at once. */
  constructor(
    private readonly source: string,
    private readonly features?: number,
    bytes = 0,
  ) {
    this.#reserve(Math.min(bytes, MOST_AT_ONCE));
  }

  push(piece: Uint8Array): void {
    let begin = 0;
    if (this.#rest.length > 0) {
      while (begin < piece.length && ENDS[piece[begin]!] === 0) begin++;
      // The token that was cut, and what ends it.
      const token = Buffer.concat([this.#rest, piece.subarray(0, begin + 1)]);
      this.#rest = token.subarray(this.#take(token, false));
      if (begin === piece.length) return;
      begin++;
    }
    const rest = this.#take(piece.subarray(begin), false);
    this.#rest = piece.slice(begin + rest);
  }

  /** The rows, after the last piece. */
  end(): SparseDataset {
    this.#take(this.#rest, true);
    this.#endLine();
    const [rows, entries] = [this.#rows, this.#entries];
    if (rows === 0) throw this.#fail('expected rows but the file has none', 1);
    const x = {
      rows,
      columns: this.features ?? this.#columns,
      starts: cut(this.#starts, rows + 1),
      indices: cut(this.#indices, entries),
      values: cut(this.#values, entries),
    };
    return { x, y: cut(this.#labels, rows), source: this.source, lines: cut(this.#lines, rows) };
  }

  /** Reads tokens; returns the place of the first byte that is not taken: the last token, which may go on in the next piece. */
  #take(bytes: Uint8Array, last: boolean): number {
    const size = bytes.length;
    this.#reserve(size);
    for (let at = 0; at < size; ) {
      const byte = bytes[at]!;
      if (byte === NEWLINE) {
        this.#endLine();
        at++;
      } else if (this.#comment || byte === HASH) {
        const newline = bytes.indexOf(NEWLINE, at);
        this.#comment = newline < 0;
        at = newline < 0 ? size : newline;
      } else if (ENDS[byte] === 1) at++;
      else {
        let stop = at + 1;
        while (stop < size && ENDS[bytes[stop]!] === 0) stop++;
        if (stop - at > LONGEST_TOKEN) throw this.#wrong(this.#index < 0 ? 'a label' : 'index:value', bytes, at, stop);
        if (stop === size && !last) return at;
        if (this.#index < 0) this.#label(bytes, at, stop);
        else this.#feature(bytes, at, stop);
        at = stop;
      }
    }
    return size;
  }

  /** Room for all that so many bytes can hold: a row takes two (label and newline), an entry four (`1:2` and a blank). */
  #reserve(bytes: number): void {
    const [rows, entries] = [this.#rows + (bytes >> 1) + 2, this.#entries + (bytes >> 2) + 2];
    if (rows > this.#labels.length) {
      this.#starts = grown(this.#starts, rows, Int32Array);
      this.#labels = grown(this.#labels, rows, Float64Array);
      this.#lines = grown(this.#lines, rows, Int32Array);
    }
    if (entries <= this.#values.length) return;
    if (entries > MOST_ENTRIES) throw this.#fail(`expected at most ${MOST_ENTRIES} values in all`);
    this.#indices = grown(this.#indices, entries, Int32Array);
    this.#values = grown(this.#values, entries, Float64Array);
  }

  #endLine(): void {
    if (this.#index >= 0) {
      if (this.#index > this.#columns) this.#columns = this.#index;
      this.#lines[this.#rows++] = this.#line;
      this.#starts[this.#rows] = this.#entries;
    }
    this.#index = -1;
    this.#line++;
    this.#comment = false;
  }

  #label(bytes: Uint8Array, begin: number, end: number): void {
    const label = parseDecimal(bytes, begin, end);
    if (!Number.isFinite(label)) throw this.#wrong('a number as the label', bytes, begin, end);
    this.#labels[this.#rows] = label + 0; // -0 is 0
    this.#index = 0;
  }

  #feature(bytes: Uint8Array, begin: number, end: number): void {
    let [index, at] = [0, begin];
    for (; at < end && isDigit(bytes[at]!); at++) index = index * 10 + (bytes[at]! - 48);
    if (at === begin || at >= end || bytes[at] !== COLON) throw this.#wrong('index:value', bytes, begin, end);
    const value = parseDecimal(bytes, at + 1, end);
    if (!Number.isFinite(value)) throw this.#wrong('a finite number after the colon', bytes, begin, end);
    if (index <= this.#index || index > (this.features ?? MOST_ENTRIES))
      throw this.#wrongIndex(index, bytes, begin, end);
    this.#index = index;
    if (value === 0) return;
    this.#indices[this.#entries] = index - 1;
    this.#values[this.#entries++] = value;
  }

  #wrongIndex(index: number, bytes: Uint8Array, begin: number, end: number): Error {
    if (index < 1 || index > MOST_ENTRIES) return this.#wrong(`an index from 1 to ${MOST_ENTRIES}`, bytes, begin, end);
    if (index === this.#index) return this.#fail(`index ${index} is repeated`);
    if (index < this.#index)
      return this.#fail(`expected rising indices but ${index} comes after ${this.#index}: the row is not sorted`);
    return this.#fail(`expected at most ${this.features} features but the row has one with index ${index}`);
  }

  #wrong(expected: string, bytes: Uint8Array, begin: number, end: number): Error {
    const shown = textOf(bytes, begin, Math.min(end, begin + 40));
    return this.#fail(`expected ${expected} but received ${JSON.stringify(shown)}${end - begin > 40 ? '...' : ''}`);
  }

  #fail(message: string, line = this.#line): SteepestError {
    return wrongLine('readLibsvm', this.source, line, message);
  }
}
