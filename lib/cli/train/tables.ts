/** `--data csv`: two files of comma-separated values with a label in each row. The classes are those of the first; rows may be images' pixels. */
import { type Command, Option } from 'commander';
import { type CsvData, readCsv } from '../../data/csv.js';
import type { Size } from '../../data/image-options.js';
import { wrongFormat } from '../../errors.js';
import type { ImageSets, Images } from './data.js';

const separators = { comma: ',', semicolon: ';', tab: '\t', bar: '|' } as const;
/** A label that is larger is none of a class, but a number. */
const MOST_CLASSES = 10_000;

export interface TableArguments {
  readonly trainFile?: string;
  readonly testFile?: string;
  readonly imageSize?: Size;
  readonly labelColumn?: string;
  readonly separator?: keyof typeof separators;
  /** false: --no-header. */
  readonly header?: boolean;
}

export function addTableOptions(command: Command): Command {
  return command
    .option('--label-column <column>', 'for csv: its name, or its number from 0 (default: -1, the last)')
    .addOption(
      new Option('--separator <name>', 'for csv: what is between values (default: comma)').choices(
        Object.keys(separators),
      ),
    )
    .option('--no-header', 'for csv: the first line has no names of columns');
}

/** Reads both files. @throws (rejects) as readCsv does, and ERR_FORMAT where labels are no classes, or the files do not go together */
export async function readTables(options: TableArguments, signal?: AbortSignal): Promise<ImageSets> {
  const { trainFile, testFile, labelColumn: column = '-1', separator = 'comma', header } = options;
  const how = {
    label: /^-?\d+$/.test(column) ? Number(column) : column,
    separator: separators[separator],
    ...(header === false && { header }),
    signal,
  };
  const first = await readCsv(trainFile!, how);
  const second = await readCsv(testFile!, how);
  if (first.columns.join() !== second.columns.join())
    throw wrongFormat('csv', `${testFile}: expected the columns of ${trainFile} but found others`);
  const classNames = first.classNames;
  const y = labelsOf(trainFile!, first);
  const named = {
    classes: classNames?.length ?? 1 + y.reduce((a, b) => Math.max(a, b)),
    ...(classNames && { classNames }),
  };
  const table = (file: string, data: CsvData, labels: Int32Array): Images => ({
    ...{ ...named, ...pixels(file, data, options.imageSize), y: labels, count: data.count },
  });
  return {
    train: table(trainFile!, first, y),
    test: table(testFile!, second, labelsLike(testFile!, second, named)),
  };
}

/** Labels as classes, from 0. */
function labelsOf(file: string, { y }: CsvData): Int32Array {
  const odd = y.find((label) => !(Number.isInteger(label) && label >= 0 && label < MOST_CLASSES));
  if (odd === undefined) return y as Int32Array;
  throw wrongFormat(
    'csv',
    `${file}: expected labels that are names, or integers in [0, ${MOST_CLASSES - 1}], but found ${odd}`,
  );
}

/** The labels of the other file, as classes of the first. */
function labelsLike(file: string, data: CsvData, { classes, classNames }: Pick<Images, 'classes' | 'classNames'>) {
  const labels = labelsOf(file, data);
  const wrong = (label: unknown) =>
    wrongFormat('csv', `${file}: expected classes of the training file but found ${label}`);
  if ((classNames === undefined) !== (data.classNames === undefined)) throw wrong(data.classNames?.[0] ?? labels[0]);
  const places = data.classNames?.map((name) => {
    const place = classNames!.indexOf(name);
    if (place < 0) throw wrong(name);
    return place;
  });
  const other = places === undefined ? labels.find((label) => label >= classes) : undefined;
  if (other !== undefined) throw wrong(other);
  return places === undefined ? labels : labels.map((label) => places[label]!);
}

/** Rows as they are; of images, as bytes. */
function pixels(file: string, { x, shape }: CsvData, size: Size | undefined): Pick<Images, 'x' | 'shape'> {
  if (size === undefined) return { x, shape };
  const channels = shape[0] / (size[0] * size[1]);
  if (channels !== 1 && channels !== 3)
    throw wrongFormat(
      'csv',
      `${file}: expected ${size.join(' x ')} pixels of 1 or 3 values in a row but found ${shape[0]} values`,
    );
  const odd = x.find((value) => !(Number.isInteger(value) && value >= 0 && value <= 255));
  if (odd !== undefined) throw wrongFormat('csv', `${file}: expected pixels, integers in [0, 255], but found ${odd}`);
  return { x: Uint8Array.from(x), shape: [...size, channels] };
}
