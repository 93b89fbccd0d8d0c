/** Metrics against scikit-learn's numbers (test/golden/metrics.py) and by their definitions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { metrics } from '../../../lib/index.js';
import { RandomStream } from '../../../lib/random.js';

const { confusionMatrix, classificationReport, topKAccuracy, rocAuc, rocAucByClass } = metrics;

interface SklearnScores {
  readonly precision: number;
  readonly recall: number;
  readonly 'f1-score': number;
  readonly support: number;
}
const golden: {
  readonly labels: number[];
  readonly scores: number[];
  readonly distinct: number[];
  readonly predictions: number[];
  readonly confusionMatrix: number[][];
  readonly classes: SklearnScores[];
  readonly macro: SklearnScores;
  readonly weighted: SklearnScores;
  readonly accuracy: number;
  readonly topK: number[];
  readonly auc: number[];
  readonly binary: { labels: number[]; auc: number };
} = JSON.parse(readFileSync(join(__dirname, '../../golden/metrics.json'), 'utf8'));
const { labels, scores, predictions } = golden;

describe("scikit-learn's numbers", () => {
  test('confusion matrix', () => {
    expect(confusionMatrix(labels, predictions, { classes: 5 })).toEqual(golden.confusionMatrix);
    expect(confusionMatrix(labels, Uint8Array.from(predictions))).toHaveLength(4);
  });

  test('precision, recall and F1, also of a class that is never found', () => {
    const report = classificationReport(labels, predictions);
    const same = ({ precision, recall, f1 }: metrics.Scores, wanted: SklearnScores) => {
      expect(precision).toBeCloseTo(wanted.precision, 14);
      expect(recall).toBeCloseTo(wanted.recall, 14);
      expect(f1).toBeCloseTo(wanted['f1-score'], 14);
    };
    expect(report.classes.map((one) => one.class)).toEqual([0, 1, 2, 3]);
    for (const [i, one] of report.classes.entries()) {
      same(one, golden.classes[i]!);
      expect(one.support).toBe(golden.classes[i]!.support);
    }
    expect(report.classes[3]).toMatchObject({ precision: 0, recall: 0, f1: 0 });
    same(report.macro, golden.macro);
    same(report.weighted, golden.weighted);
    expect(report.accuracy).toBeCloseTo(golden.accuracy, 14);
    const { accuracy } = report;
    expect(report.micro).toEqual({ precision: accuracy, recall: accuracy, f1: accuracy });
  });

  test('top-k accuracy', () => {
    for (const k of [1, 2, 3])
      expect(topKAccuracy(labels, golden.distinct, { k })).toBeCloseTo(golden.topK[k - 1]!, 14);
    expect(new Set(golden.topK).size).toBe(3);
  });

  test('areas under the ROC, with ties', () => {
    const areas = rocAucByClass(labels, scores);
    for (const [c, wanted] of golden.auc.entries()) expect(areas[c]).toBeCloseTo(wanted, 14);
    expect(areas).toHaveLength(5);
    expect(areas[4]).toBeUndefined(); // occurs in no label
    expect(rocAuc(labels, scores)).toBeCloseTo(golden.auc.reduce((a, b) => a + b) / 4, 14);
    const single = labels.map((_, i) => scores[i * 5 + 2]!);
    expect(rocAuc(golden.binary.labels, single)).toBeCloseTo(golden.binary.auc, 14);
    expect(rocAucByClass(golden.binary.labels, single)).toHaveLength(1);
  });
});

test('the area is the part of pairs in the right order', () => {
  const random = new RandomStream(7, 0);
  for (const [rows, values] of [
    [2, 2],
    [30, 3],
    [200, 1000],
  ] as const) {
    const truth = Array.from({ length: rows }, (_, i) => (i < 1 ? 1 : i < 2 ? 0 : random.below(2)));
    const score = Float32Array.from(truth, () => random.below(values) - values / 2);
    let [pairs, right] = [0, 0];
    for (const [i, a] of truth.entries())
      for (const [j, b] of truth.entries())
        if (a === 1 && b === 0) {
          pairs++;
          right += score[i]! > score[j]! ? 1 : score[i] === score[j] ? 0.5 : 0;
        }
    expect(rocAuc(truth, score)).toBeCloseTo(right / pairs, 14);
  }
});

test('among equal scores the first class comes first; a row with a NaN is wrong, and its area unknown', () => {
  expect(topKAccuracy([0, 0, 0, 2], new Float32Array(12), { k: 1 })).toBe(3 / 4);
  expect(topKAccuracy([0, 1, 2, 2], new Float32Array(12), { k: 2 })).toBe(1 / 2);
  expect(topKAccuracy([0, 1, 2, 2], new Float32Array(12))).toBe(1);
  expect(topKAccuracy([0, 1], [5, Number.NaN, 0, 1], { k: 9 })).toBe(0.5);
  expect(rocAuc([0, 1, 1], [0, Number.NaN, 1])).toBeNaN();
  expect(rocAuc([1, 1], [0, 1])).toBeNaN();
});

test('a report is a table when printed', () => {
  expect(`${classificationReport([0, 0, 1, 12], [0, 1, 1, 1])}`.split('\n')).toEqual([
    'class    precision    recall        f1      rows',
    '0           1.0000    0.5000    0.6667         2',
    '1           0.3333    1.0000    0.5000         1',
    '12          0.0000    0.0000    0.0000         1',
    'macro       0.4444    0.5000    0.3889         4',
    'weighted    0.5833    0.5000    0.4583         4',
    'micro       0.5000    0.5000    0.5000         4',
  ]);
});

test('what does not fit is refused', () => {
  expect(() => confusionMatrix([0, 1], [0])).toThrow(
    'confusionMatrix: expected as many predictions as labels but received 1 and 2',
  );
  expect(() => confusionMatrix([], [])).toThrow('expected at least one row but labels is empty');
  expect(() => confusionMatrix([0.5], [0])).toThrow('expected an integer in [0, 4095] for labels[0] but received 0.5');
  expect(() => confusionMatrix([1e9], [0])).toThrow('received 1000000000');
  expect(() => confusionMatrix([3], [0], { classes: 3 })).toThrow(
    'expected more than the class 3 for classes but received 3',
  );
  expect(() => confusionMatrix([0], [0], { clases: 3 } as never)).toThrow(
    "unknown option 'clases' (did you mean 'classes'?)",
  );
  expect(() => classificationReport('01' as never, [0, 1])).toThrow(
    'expected an array of numbers for labels but received "01"',
  );
  expect(() => topKAccuracy([0, 1], [1, 2])).toThrow(
    'topKAccuracy: expected scores of shape [2, classes] with two classes at least but received 2 values',
  );
  expect(() => topKAccuracy([0, 2], [1, 2, 3, 4])).toThrow('expected labels below 2 but that of row 1 is 2');
  expect(() => topKAccuracy([0], [1, 2], { k: 0 })).toThrow('expected a positive integer for k but received 0');
  expect(() => rocAuc([0, 1], [1, 2, 3])).toThrow(
    'rocAuc: expected scores of shape [2, classes] but received 3 values',
  );
});
