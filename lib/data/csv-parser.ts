/**
 * Comma-separated values, byte by byte (RFC 4180): a record a line, fields between separators, perhaps in quotes, where a quote is doubled and a
 * line may end. Blanks round a field and blank lines do not count.
 */
import { type SteepestError, show, wrongLine } from '../errors.js';
import { parseDecimal, textOf } from './decimal.js';
import { cut, grown } from './grown.js';

/** A column, by its name in the header or by its number from 0; negative ones count from the end. */
export type Column = string | number;

export interface CsvLayout {
  /** Undefined: the first line must be one, and have no numbers. */
  readonly header: boolean | undefined;
  readonly label: Column | undefined;
  readonly columns: readonly Column[] | undefined;
  readonly separator: string;
}

export interface CsvContents {
  readonly rows: number;
  /** Of the features. */
  readonly columns: readonly string[];
  readonly values: Float64Array;
  readonly labels: Float64Array | undefined;
  /** Where labels are names: these, and `labels` their places. */
  readonly classNames: readonly string[] | undefined;
}

/** No record may be longer: a quote that is not closed ends here. */
const LONGEST_RECORD = 2 ** 22;
const [NEWLINE, QUOTE, CR, SPACE, TAB] = [10, 34, 13, 32, 9];
/** What other programs write where there is no number: no name of a class. */
const NO_NUMBER = /^[+-]?(nan|inf|infinity)$/i;
const BOM = [0xef, 0xbb, 0xbf];

/** Takes a file in pieces, wherever they are cut; memory grows with the rows that are really there. */
export class CsvParser {
  readonly #separator: number;
  #rest: Uint8Array = new Uint8Array(0);
  #begun = false;
  #line = 1;
  /** Of the record at hand: where its fields begin and end, and lines that it goes over. */
  readonly #begins: number[] = [];
  readonly #ends: number[] = [];
  #newlines = 0;
  /** From the first line on: fields of a record, the features' places and names, the label's place. */
  #width = 0;
  #firstLine = 0;
  #names: readonly string[] = [];
  #features: number[] = [];
  #label = -1;
  #classes: Map<string, number> | undefined;
  #rows = 0;
  #values = new Float64Array(4096);
  #labels = new Float64Array(1024);

  constructor(
    private readonly source: string,
    private readonly layout: CsvLayout,
  ) {
    this.#separator = layout.separator.charCodeAt(0);
  }

  push(piece: Uint8Array): void {
    this.#take(this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]), false);
  }

  /** The rows, after the last piece. */
  end(): CsvContents {
    this.#take(this.#rest, true);
    if (this.#rows === 0) throw this.#fail('expected rows but the file has none');
    const names = [...(this.#classes?.keys() ?? [])];
    const order = names.map((_, i) => i).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
    const place = Float64Array.from(names, () => 0);
    for (const [i, name] of order.entries()) place[name] = i;
    const labels = cut(this.#labels, this.#rows);
    const classNames = this.#classes && order.map((i) => names[i]!);
    return {
      rows: this.#rows,
      columns: this.#features.map((i) => this.#names[i]!),
      values: cut(this.#values, this.#rows * this.#features.length),
      labels: this.#label < 0 ? undefined : classNames ? labels.map((i) => place[i]!) : labels,
      classNames,
    };
  }

  /** Reads whole records, and keeps the beginning of one that may go on in the next piece. */
  #take(bytes: Uint8Array, last: boolean): void {
    let at = 0;
    if (!this.#begun) {
      if (bytes.length < BOM.length && !last) {
        this.#rest = bytes.slice();
        return;
      }
      this.#begun = true;
      if (BOM.every((byte, i) => bytes[i] === byte)) at = BOM.length;
    }
    while (at < bytes.length) {
      const end = this.#scan(bytes, at, last);
      if (end < 0) break;
      const blank =
        this.#begins.length === 1 && this.#begins[0] === this.#ends[0] && bytes[this.#begins[0]! - 1] !== QUOTE;
      if (!blank) this.#record(bytes);
      this.#line += this.#newlines;
      at = end;
    }
    if (bytes.length - at > LONGEST_RECORD)
      throw this.#fail(`expected a record of at most ${LONGEST_RECORD} bytes; is there a quote that is not closed?`);
    this.#rest = bytes.slice(at);
  }

  /** Finds the fields of the record at `at`. Returns where the next one begins; -1 where this one may go on beyond the bytes. */
  #scan(bytes: Uint8Array, at: number, last: boolean): number {
    const [separator, size] = [this.#separator, bytes.length];
    this.#begins.length = 0;
    this.#ends.length = 0;
    this.#newlines = 1;
    for (;;) {
      while (at < size && this.#isBlank(bytes[at]!)) at++;
      let [begin, end] = [at, at];
      if (bytes[at] === QUOTE) {
        begin = at + 1;
        end = this.#closing(bytes, begin, last);
        if (end < 0) return -1;
        for (at = end + 1; at < size && this.#isBlank(bytes[at]!); ) at++;
        if (at < size && bytes[at] !== separator && bytes[at] !== NEWLINE)
          throw this.#wrong('a separator after the closing quote', bytes, at, Math.min(size, at + 20));
      } else {
        while (at < size && bytes[at] !== separator && bytes[at] !== NEWLINE) at++;
        for (end = at; end > begin && this.#isBlank(bytes[end - 1]!); ) end--;
      }
      if (at === size && !last) return -1;
      this.#begins.push(begin);
      this.#ends.push(end);
      if (at >= size || bytes[at] === NEWLINE) return Math.min(size, at + 1);
      at++;
    }
  }

  /** The quote that ends a field; -1 where it may come beyond the bytes. */
  #closing(bytes: Uint8Array, begin: number, last: boolean): number {
    for (let at = begin; ; at += 2) {
      const quote = bytes.indexOf(QUOTE, at);
      if (quote < 0 && last) throw this.#fail('expected a closing quote but the file ends before it');
      if (quote < 0 || (quote + 1 === bytes.length && !last)) return -1;
      if (bytes[quote + 1] !== QUOTE) {
        for (let i = begin; i < quote; i++) if (bytes[i] === NEWLINE) this.#newlines++;
        return quote;
      }
      at = quote;
    }
  }

  #isBlank(byte: number): boolean {
    return byte === SPACE || byte === CR || (byte === TAB && this.#separator !== TAB);
  }

  #record(bytes: Uint8Array): void {
    const width = this.#begins.length;
    if (this.#width === 0) {
      if (this.#first(bytes)) return;
    } else if (width !== this.#width)
      throw this.#fail(`expected ${this.#width} fields, as line ${this.#firstLine} has, but received ${width}`);
    const row = this.#rows++;
    const first = row * this.#features.length;
    if (first + this.#features.length > this.#values.length)
      this.#values = grown(this.#values, first + this.#features.length, Float64Array);
    for (let i = 0; i < this.#features.length; i++) this.#values[first + i] = this.#number(bytes, this.#features[i]!);
    if (this.#label < 0) return;
    if (row === this.#labels.length) this.#labels = grown(this.#labels, row + 1, Float64Array);
    this.#labels[row] = this.#classes ? this.#class(bytes) : this.#number(bytes, this.#label);
  }

  /** Takes the layout from the first line. Returns whether that was a header. */
  #first(bytes: Uint8Array): boolean {
    const { header, label, columns } = this.layout;
    const width = this.#begins.length;
    const texts = this.#begins.map((_, field) => this.#text(bytes, field));
    const numbers = texts.filter((_, i) => Number.isFinite(parseDecimal(bytes, this.#begins[i]!, this.#ends[i]!)));
    if (header === undefined && numbers.length > 0)
      throw this.#fail(
        `expected names of columns but received the number ${numbers[0]}: give header: false where there are no names, or header: true where it is one`,
      );
    const named = header !== false;
    this.#names = named ? texts : texts.map((_, i) => String(i));
    this.#width = width;
    this.#firstLine = this.#line;
    if (label !== undefined) this.#label = this.#find(label, 'label', named);
    this.#features = columns
      ? columns.map((column) => this.#find(column, 'columns', named))
      : texts.map((_, i) => i).filter((i) => i !== this.#label);
    if (this.#features.length === 0) throw this.#fail('expected columns beside the label but there are none');
    if (this.#features.includes(this.#label))
      throw this.#fail('expected columns without the label but it is among them');
    return named;
  }

  #find(column: Column, option: string, named: boolean): number {
    const width = this.#width;
    if (typeof column === 'number') {
      const place = column < 0 ? width + column : column;
      if (place < 0 || place >= width)
        throw this.#fail(`expected column ${column} for ${option} but there are ${width} columns`);
      return place;
    }
    const place = this.#names.indexOf(column);
    if (!named || place < 0)
      throw this.#fail(
        `expected a column ${show(column)} for ${option} but found ${named ? this.#names.slice(0, 20).map(show).join(', ') : 'no names'}`,
      );
    if (this.#names.indexOf(column, place + 1) >= 0)
      throw this.#fail(`expected one column ${show(column)} for ${option} but there are more`);
    return place;
  }

  #number(bytes: Uint8Array, field: number): number {
    const [begin, end] = [this.#begins[field]!, this.#ends[field]!];
    const value = parseDecimal(bytes, begin, end);
    if (Number.isFinite(value)) return value + 0; // -0 is 0
    // Names of classes, where the first row has one.
    if (field === this.#label && this.#rows === 1) {
      this.#classes = new Map();
      return this.#class(bytes);
    }
    throw this.#wrong(`a finite number in column ${show(this.#names[field])}`, bytes, begin, end);
  }

  /** The place of a class among those found so far. */
  #class(bytes: Uint8Array): number {
    const name = this.#text(bytes, this.#label);
    if (name === '' || NO_NUMBER.test(name))
      throw this.#wrong(
        `a class in column ${show(this.#names[this.#label])}`,
        bytes,
        this.#begins[this.#label]!,
        this.#ends[this.#label]!,
      );
    const place = this.#classes!.get(name) ?? this.#classes!.size;
    this.#classes!.set(name, place);
    return place;
  }

  #text(bytes: Uint8Array, field: number): string {
    const [begin, end] = [this.#begins[field]!, this.#ends[field]!];
    const text = textOf(bytes, begin, end);
    return bytes[begin - 1] === QUOTE ? text.replaceAll('""', '"') : text;
  }

  #wrong(expected: string, bytes: Uint8Array, begin: number, end: number): SteepestError {
    const shown = show(textOf(bytes, begin, Math.min(end, begin + 40)));
    return this.#fail(`expected ${expected} but received ${begin === end ? 'an empty field' : shown}`);
  }

  #fail(message: string): SteepestError {
    return wrongLine('readCsv', this.source, this.#line, message);
  }
}
