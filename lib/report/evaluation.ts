/** An evaluation as panels: which class was taken for which, scores by class, the first layer's filters, and images that were misread. */
import type { Fields } from './lines.js';
import { list, number, numberHere, object, pngUrl, text, textHere } from './lines.js';
import type { Panel, Table } from './page.js';

/** The line `"event": "evaluation"` of a log of training. */
export interface Evaluation {
  readonly images: number | undefined;
  readonly loss: number | undefined;
  readonly accuracy: number | undefined;
  /** Names of the classes; where there are none, their numbers. */
  readonly classNames: readonly string[];
  /** By label, then by prediction. */
  readonly confusionMatrix: readonly (readonly number[])[];
  readonly classes: readonly (readonly (number | undefined)[])[];
  readonly filters: { readonly layer: string; readonly images: readonly string[] } | undefined;
  readonly misread: readonly Misread[];
}

interface Misread {
  readonly image: string;
  readonly label: number;
  readonly prediction: number;
  /** Of the prediction, where the network gives probabilities. */
  readonly probability: number | undefined;
}

const scoreNames = ['class', 'precision', 'recall', 'f1', 'support'] as const;

export function evaluation(fields: Fields): Evaluation {
  const filters = fields.filters === undefined ? undefined : object(fields.filters, 'filters');
  return {
    images: number(fields, 'images'),
    loss: number(fields, 'loss'),
    accuracy: number(fields, 'accuracy'),
    classNames: list(fields, 'classNames', textHere),
    confusionMatrix: list(fields, 'confusionMatrix', (row, name) => list({ [name]: row }, name, numberHere)),
    classes: list(fields, 'classes', (one, name) => scoreNames.map((score) => number(object(one, name), score))),
    filters: filters && { layer: text(filters, 'layer') ?? '', images: list(filters, 'images', pngUrl) },
    misread: list(fields, 'misread', (value, name) => {
      const one = object(value, name);
      return {
        image: pngUrl(one.image, `${name}.image`),
        label: numberHere(one.label, `${name}.label`),
        prediction: numberHere(one.prediction, `${name}.prediction`),
        probability: number(one, 'probability'),
      };
    }),
  };
}

/** A matrix with more classes is told by its largest errors. */
const MOST_CELLS = 20;

export function evaluationPanels(one: Evaluation): Panel[] {
  const name = (value: number) => one.classNames[value] ?? String(value);
  const { filters, misread, confusionMatrix: matrix } = one;
  return [
    ...(matrix.length === 0
      ? []
      : [matrix.length <= MOST_CELLS ? confusion(matrix, name) : largestErrors(matrix, name)]),
    ...(one.classes.length === 0 ? [] : [scores(one, name)]),
    ...(filters === undefined || filters.images.length === 0
      ? []
      : [
          {
            ...{ kind: 'images' as const, title: `Filters of ${filters.layer}`, wide: true, height: 44 },
            images: filters.images.map((src) => ({ src })),
          },
        ]),
    ...(misread.length === 0
      ? []
      : [
          {
            ...{ kind: 'images' as const, title: 'Misread images', wide: true, height: 56 },
            note: 'Label, and what the network took it for; the surest mistakes first.',
            images: misread.map(({ image, label, prediction, probability }) => ({
              src: image,
              caption: `${name(label)} as ${name(prediction)}${probability === undefined ? '' : ` ${percent(probability)}`}`,
            })),
          },
        ]),
  ];
}

const percent = (part: number) => `${(100 * part).toFixed(part < 0.9995 ? 1 : 0)}%`;

function confusion(matrix: Evaluation['confusionMatrix'], name: (value: number) => string): Table {
  const sums = matrix.map((row) => row.reduce((a, b) => a + b, 0));
  const worst = Math.max(1, ...matrix.flatMap((row, i) => row.filter((_, j) => i !== j)));
  return {
    kind: 'table',
    title: 'Confusion matrix',
    note: 'A row for each label, a column for what the network took it for.',
    head: ['', ...matrix.map((_, i) => name(i))],
    rows: matrix.map((row, i) => [name(i), ...row.map((count) => (count === 0 ? '' : count))]),
    // Right answers by their part of the row, mistakes by the most frequent one.
    shade: (row, column) => {
      const count = matrix[row]![column - 1] ?? 0;
      return column - 1 === row ? count / Math.max(1, sums[row]!) : -Math.sqrt(count / worst);
    },
  };
}

function largestErrors(matrix: Evaluation['confusionMatrix'], name: (value: number) => string): Table {
  const errors = matrix.flatMap((row, label) =>
    row.flatMap((count, prediction) => (count > 0 && label !== prediction ? [{ label, prediction, count }] : [])),
  );
  errors.sort((a, b) => b.count - a.count);
  return {
    kind: 'table',
    title: 'Most frequent mistakes',
    head: ['label', 'taken for', 'images'],
    rows: errors.slice(0, MOST_CELLS).map(({ label, prediction, count }) => [name(label), name(prediction), count]),
  };
}

function scores({ classes, loss, accuracy, images }: Evaluation, name: (value: number) => string): Table {
  const four = (value: number | undefined) => (value === undefined ? '' : value.toFixed(4));
  return {
    kind: 'table',
    title: 'Test',
    note: `${images?.toLocaleString('en-US') ?? ''} images: accuracy ${four(accuracy)}, loss ${four(loss)}`,
    head: ['class', 'precision', 'recall', 'F1', 'images'],
    rows: classes.map(([one, precision, recall, f1, support]) => [
      ...[one === undefined ? '' : name(one), four(precision), four(recall), four(f1)],
      support ?? '',
    ]),
  };
}
