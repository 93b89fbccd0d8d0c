/**
 * The header of a safetensors file, read by its grammar alone: an object of entries { dtype, shape, data_offsets } and of strings in
 * __metadata__. Whatever else JSON can say (depth, other values, a key twice) ends the reading where it stands, so that a hostile header
 * costs no more than its length.
 */

import { FormatFailure, quoted } from '../failure.js';
import { countOf } from '../numbers.js';

export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its bytes among those behind the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** What is behind the header. */
  readonly data: Uint8Array;
}

/** As in Hugging Face's reader. */
const MOST_BYTES = 100_000_000;
/** Sizes of one tensor; far more than any has. */
const MOST_SIZES = 64;

/** Reads and checks the header. `sizeOf`: bytes of a number of a type; throws a FormatFailure on an unknown one. */
export function readHeader(bytes: Uint8Array, sizeOf: (dtype: string) => number): Header {
  if (bytes.length < 8)
    throw new FormatFailure(`expected 8 bytes with the header's length but received ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MOST_BYTES)
    throw new FormatFailure(`expected a header of at most ${MOST_BYTES} bytes but received ${length}`);
  if (length > bytes.length - 8)
    throw new FormatFailure(`expected a header of ${length} bytes but the file has ${bytes.length - 8} left`);
  const data = bytes.subarray(8 + length);
  const { entries, metadata } = parse(new Cursor(text(bytes.subarray(8, 8 + length))), sizeOf);
  checkPlaces(entries, data.length);
  return { entries, metadata, data };
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatFailure('expected a header in UTF-8 but received other bytes');
  }
}

function parse(cursor: Cursor, sizeOf: (dtype: string) => number): Omit<Header, 'data'> {
  const entries = new Map<string, TensorEntry>();
  const metadata: Record<string, string> = Object.create(null);
  cursor.object((name) => {
    if (name !== '__metadata__') entries.set(name, readEntry(cursor, name, sizeOf));
    else
      cursor.object((key) => {
        metadata[key] = cursor.string();
      });
  });
  cursor.end();
  return { entries, metadata };
}

function readEntry(cursor: Cursor, name: string, sizeOf: (dtype: string) => number): TensorEntry {
  try {
    const { dtype, shape, data_offsets: offsets } = readFields(cursor);
    if (dtype === undefined || shape === undefined || offsets === undefined)
      throw new FormatFailure('expected dtype, shape and data_offsets');
    const [begin, end] = offsets as [number, number];
    if (offsets.length !== 2 || begin > end)
      throw new FormatFailure(`expected data_offsets [begin, end] but received [${offsets.join(', ')}]`);
    const wanted = countOf(shape) * sizeOf(dtype);
    if (end - begin !== wanted)
      throw new FormatFailure(
        `expected ${wanted} bytes for ${dtype} [${shape.join(', ')}] but its data_offsets are [${begin}, ${end}]`,
      );
    return { dtype, shape, begin, end };
  } catch (error) {
    if (!(error instanceof FormatFailure)) throw error;
    throw new FormatFailure(`tensor ${quoted(name)}: ${error.message}`);
  }
}

interface Fields {
  dtype?: string;
  shape?: number[];
  data_offsets?: number[];
}

function readFields(cursor: Cursor): Fields {
  const fields: Fields = {};
  cursor.object((key) => {
    if (key === 'dtype') fields.dtype = cursor.string();
    else if (key === 'shape' || key === 'data_offsets') fields[key] = cursor.wholeNumbers();
    else throw new FormatFailure(`expected dtype, shape or data_offsets but received ${quoted(key)}`);
  });
  return fields;
}

/** The tensors fill the bytes, one behind the other. */
function checkPlaces(entries: ReadonlyMap<string, TensorEntry>, bytes: number): void {
  let at = 0;
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    const problem = begin > at ? `${begin - at} bytes before it belong to no tensor` : 'overlaps another tensor';
    if (begin !== at) throw new FormatFailure(`tensor ${quoted(name)}: data_offsets [${begin}, ${end}]: ${problem}`);
    if (end > bytes)
      throw new FormatFailure(
        `tensor ${quoted(name)}: data_offsets [${begin}, ${end}]: the file has ${bytes} bytes of data`,
      );
    at = end;
  }
  if (at !== bytes) throw new FormatFailure(`${bytes - at} bytes at the end belong to no tensor`);
}

/** What can stand where a number begins; no safe integer is longer. */
const WORD = /[\d.eE+-]{0,17}/y;
const BLANKS = new Set([' ', '\t', '\r', '\n']);

/** Reads on in a text; each method takes one thing, or throws what it expected. */
class Cursor {
  #at = 0;
  constructor(readonly text: string) {}

  /** An object: `member` is called behind each key and reads its value. No key twice. */
  object(member: (key: string) => void): void {
    this.#expect('{');
    const keys = new Set<string>();
    if (this.#take('}')) return;
    do {
      const key = this.string();
      if (keys.has(key)) throw new FormatFailure(`the name ${quoted(key)} is there twice`);
      keys.add(key);
      this.#expect(':');
      member(key);
    } while (this.#take(','));
    this.#expect('}');
  }

  string(): string {
    this.#expect('"');
    const begin = this.#at - 1;
    for (let char = this.text[this.#at]; char !== '"'; char = this.text[++this.#at]) {
      if (char === undefined) throw this.#failure('the end of a string');
      if (char === '\\') this.#at++;
    }
    this.#at++;
    try {
      return JSON.parse(this.text.slice(begin, this.#at));
    } catch {
      throw new FormatFailure(`expected a string of JSON at character ${begin} of the header`);
    }
  }

  wholeNumbers(): number[] {
    const numbers: number[] = [];
    this.#expect('[');
    if (this.#take(']')) return numbers;
    do {
      if (numbers.length === MOST_SIZES) throw this.#failure(`at most ${MOST_SIZES} numbers`);
      numbers.push(this.#wholeNumber());
    } while (this.#take(','));
    this.#expect(']');
    return numbers;
  }

  /** Nothing but blanks is left. */
  end(): void {
    this.#blanks();
    if (this.#at < this.text.length) throw this.#failure('the end of the header');
  }

  #wholeNumber(): number {
    this.#blanks();
    WORD.lastIndex = this.#at;
    const [word] = WORD.exec(this.text)!;
    const number = /^(0|[1-9]\d*)$/.test(word) ? Number(word) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw this.#failure('a whole number >= 0');
    this.#at += word.length;
    return number;
  }

  #take(char: string): boolean {
    this.#blanks();
    const taken = this.text[this.#at] === char;
    if (taken) this.#at++;
    return taken;
  }

  #expect(char: string): void {
    if (!this.#take(char)) throw this.#failure(`'${char}'`);
  }

  #blanks(): void {
    while (BLANKS.has(this.text[this.#at]!)) this.#at++;
  }

  #failure(expected: string): FormatFailure {
    const found = this.#at < this.text.length ? quoted(this.text.slice(this.#at, this.#at + 20)) : 'nothing more';
    return new FormatFailure(`expected ${expected} at character ${this.#at} of the header but received ${found}`);
  }
}
