/** Metrics for users: `index.ts` exports all of this as `metrics`. Pure functions of labels and of what a network found. */
export {
  type ClassificationReport,
  type ClassScores,
  classificationReport,
  type Scores,
} from './classification-report.js';
export { type ConfusionMatrixOptions, confusionMatrix } from './confusion-matrix.js';
export { rocAuc, rocAucByClass } from './roc-auc.js';
export { type TopKOptions, topKAccuracy } from './top-k-accuracy.js';
export type { Numbers } from './values.js';
