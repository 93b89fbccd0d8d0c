/** The metrics that evaluate computes from the outputs of all rows, beside loss and accuracy. */
import { checkOneOf, wrongType } from '../../errors.js';
import { classesOf } from '../predict.js';
import { type ClassificationReport, classificationReport } from './classification-report.js';
import { confusionMatrix } from './confusion-matrix.js';
import { rocAuc } from './roc-auc.js';
import { topKAccuracy } from './top-k-accuracy.js';

/** 'top5' (or any other number): topKAccuracy. The others are the functions of the same name, with the classes that predictClasses gives. */
export type OutputMetric = 'confusionMatrix' | 'classificationReport' | 'rocAuc' | `top${number}`;
export type EvaluationMetric = 'loss' | 'accuracy' | OutputMetric;

/** Each is there where it was asked for. */
export interface OutputMetrics {
  readonly confusionMatrix?: number[][];
  readonly classificationReport?: ClassificationReport;
  readonly rocAuc?: number;
  readonly [top: `top${number}`]: number;
}

/** What of evaluate's metrics is wanted: the accuracy, and those of outputs. */
export interface WantedMetrics {
  readonly accuracy: boolean;
  readonly outputs: readonly OutputMetric[];
}

const names = ['loss', 'accuracy', 'top5', 'confusionMatrix', 'classificationReport', 'rocAuc'] as const;
const kOf = (metric: string) => /^top([1-9]\d{0,6})$/.exec(metric)?.[1];

export function readEvaluationMetrics(where: string, metrics: unknown): WantedMetrics {
  if (metrics === undefined) return { accuracy: true, outputs: [] };
  if (!Array.isArray(metrics)) throw wrongType(where, 'metrics', 'an array of names', metrics);
  for (const [i, metric] of metrics.entries())
    if (typeof metric !== 'string' || kOf(metric) === undefined) checkOneOf(where, `metrics[${i}]`, metric, names);
  const outputs = metrics.filter((metric) => metric !== 'loss' && metric !== 'accuracy');
  return { accuracy: metrics.includes('accuracy'), outputs };
}

export type Outputs = Float32Array | Float64Array;

/** Labels and outputs of all rows, batch by batch, and the metrics of them. */
export class LabelledOutputs {
  readonly #labels: Int32Array[] = [];
  readonly #outputs: Outputs[] = [];

  add(labels: Int32Array, outputs: Outputs): void {
    this.#labels.push(labels);
    this.#outputs.push(outputs);
  }

  /** `columns`: outputs of a row. One: from `threshold` on, it means class 1. */
  metrics(wanted: readonly OutputMetric[], columns: number, threshold: number): OutputMetrics {
    const labels = joined(this.#labels);
    const outputs = joined(this.#outputs);
    const classes = classesOf(outputs, columns, threshold);
    const one = (metric: OutputMetric) => {
      if (metric === 'confusionMatrix') return confusionMatrix(labels, classes, { classes: Math.max(columns, 2) });
      if (metric === 'classificationReport') return classificationReport(labels, classes);
      return metric === 'rocAuc' ? rocAuc(labels, outputs) : topKAccuracy(labels, outputs, { k: Number(kOf(metric)) });
    };
    return Object.fromEntries(wanted.map((metric) => [metric, one(metric)])) as OutputMetrics;
  }
}

function joined<T extends Int32Array | Float32Array | Float64Array>(parts: readonly T[]): T {
  if (parts.length === 1) return parts[0]!;
  const all = new (parts[0]!.constructor as new (length: number) => T)(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
