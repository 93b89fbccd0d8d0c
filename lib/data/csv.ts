/** Reads files of comma-separated values: numbers, and labels that are numbers or names. See csv-parser.ts for the format. */
import { checkOneOf, checkOptions, checkSignal, wrongType } from '../errors.js';
import { type Column, CsvParser } from './csv-parser.js';
import { type ByteSource, parse, sourceName } from './unpack.js';

const separators = [',', ';', '\t', '|'] as const;

export interface CsvOptions {
  /**
   * Whether the first line names the columns. Default: it must, and a number in it is an error (give true where numbers are the names, false
   * where there are none).
   */
  readonly header?: boolean;
  /** The column of labels, by name or by number (from 0; -1 is the last). Default: none, and the result has no y. */
  readonly label?: Column;
  /** The columns of features, in this order. Default: all others. */
  readonly columns?: readonly Column[];
  /** Default ','. */
  readonly separator?: (typeof separators)[number];
  /** Ends the reading; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Rows of numbers. */
export interface CsvTable {
  /** count * columns values, row after row. */
  readonly x: Float64Array;
  readonly count: number;
  /** Of one row: [columns]. */
  readonly shape: readonly [number];
  /** The features' names; numbers where the file has none. */
  readonly columns: readonly string[];
}

/** Rows of numbers with a label each: a data set. */
export interface CsvData extends CsvTable {
  /** Whole numbers or places in `classNames`: Int32Array, classes for a loss over these. Other numbers: Float64Array, targets. */
  readonly y: Int32Array | Float64Array;
  /** Where labels are names: how many, and these in the order of their characters' codes. */
  readonly classes?: number;
  readonly classNames?: readonly string[];
}

/**
 * Reads a file of comma-separated values, plain, gzipped or packed by xz: fields perhaps in quotes, all rows of one length, finite numbers but for
 * the label. Where the first row's label is no number, labels are names of classes. The event loop stays free.
 *
 * @param source a path, a file URL, or the file's bytes (UTF-8).
 * @throws (rejects) SteepestError ERR_FORMAT, with `file` and `line` as properties and in the message, where a field is no finite decimal number
 *   (empty, NaN, text), a row has more or fewer fields, a quote is not closed, a column is not there; where there is no row; where a packed stream is
 *   broken. TypeError, RangeError on options; the signal's reason; Node's own error where the file cannot be read.
 * @example
 *   const iris = await readCsv('iris.csv', { label: 'species' }); // x: 150 x 4, classNames: ['setosa', 'versicolor', 'virginica']
 */
export function readCsv(source: ByteSource, options: CsvOptions & { readonly label: Column }): Promise<CsvData>;
export function readCsv(source: ByteSource, options?: CsvOptions): Promise<CsvTable>;
export async function readCsv(source: ByteSource, options: CsvOptions = {}): Promise<CsvTable | CsvData> {
  const name = sourceName('readCsv', source);
  checkOptions('readCsv', options, ['header', 'label', 'columns', 'separator', 'signal']);
  const { header, label, columns, separator = ',', signal } = options;
  if (header !== undefined && typeof header !== 'boolean')
    throw wrongType('readCsv', 'header', 'true or false', header);
  if (label !== undefined) checkColumn('label', label);
  if (columns !== undefined && !Array.isArray(columns)) throw wrongType('readCsv', 'columns', 'an array', columns);
  for (const [i, column] of (columns ?? []).entries()) checkColumn(`columns[${i}]`, column);
  checkOneOf('readCsv', 'separator', separator, separators);
  checkSignal('readCsv', signal);
  const parser = new CsvParser(name, { header, label, columns, separator });
  await parse('readCsv', source, (piece) => parser.push(piece), signal);
  const { rows: count, values: x, columns: names, labels, classNames } = parser.end();
  const table = { x, count, shape: [names.length] as const, columns: names };
  if (labels === undefined) return table;
  const whole = labels.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31);
  const y = whole ? Int32Array.from(labels) : labels;
  return { ...table, y, ...(classNames && { classes: classNames.length, classNames }) };
}

function checkColumn(option: string, column: unknown): void {
  if (typeof column !== 'string' && !Number.isInteger(column))
    throw wrongType('readCsv', option, 'a name or a whole number', column);
}
