/** What a fit tells of itself: while it goes on, of its steps and epochs, and at its end. */
import type { Profile } from '../plan/profile.js';

/** What an epoch came to. Losses are means over its rows, each as the network stood at that row's step. */
export interface EpochRecord {
  readonly kind: 'epoch';
  /** From 1. */
  readonly epoch: number;
  /** Mean loss (weighted, where rows or classes have weights), without the regulariser. */
  readonly trainLoss: number;
  /** Part of the rows whose label the network found, 0 .. 1; absent where there are no labels. */
  readonly trainAccuracy?: number;
  /** trainLoss + theta'theta / (2C) after the epoch; only where C is finite. */
  readonly objective?: number;
  /** Of the validation data, after the epoch. */
  readonly testLoss?: number;
  readonly testAccuracy?: number;
  /** Time spent training (validation is not counted), and rows trained in a second of it. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Of the last update. */
  readonly learningRate: number;
  /** Batches done: all of the epoch's, or fewer where the run ended. */
  readonly steps: number;
  /** There, and true, where the run ended before the epoch's last step. */
  readonly partial?: true;
}

/** What a step came to; made only with `every: 'batch'`. */
export interface BatchRecord {
  readonly kind: 'batch';
  readonly epoch: number;
  /** Step within the epoch, from 1. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy?: number;
  readonly learningRate: number;
}

export type FitRecord = EpochRecord | BatchRecord;

/** How far an epoch is. */
export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done of `steps` (undefined for a stream that does not tell its length). */
  readonly step: number;
  readonly steps: number | undefined;
  /** Mean loss of the epoch so far. */
  readonly loss: number;
}

/** How far a fit is, beside its state: what `status` tells. */
export interface FitFigures {
  /** The epoch under way, or the last one, from 1; 0 before the first. */
  readonly epoch: number;
  /** 0 until the options are read. */
  readonly epochs: number;
  /** Steps done of the epoch's `steps` (undefined for a stream that does not tell its length, and before the first epoch). */
  readonly step: number;
  readonly steps: number | undefined;
  /** Mean loss of the epoch so far; undefined before its first step. */
  readonly loss: number | undefined;
  /** Of the last update; undefined before the first. */
  readonly learningRate: number | undefined;
  /** Of the last epoch that ended. */
  readonly record: EpochRecord | undefined;
}

/** What an awaited run resolves to. */
export interface History {
  /** One record an epoch; the last may be of a part of one. */
  readonly epochs: readonly EpochRecord[];
  /**
   * What ended it: 'epochs', when all were done; 'stopped', by stop(); the name of a signal, by the option `stopOnSignals`; or a callback's reason, such
   * as 'earlyStopping'.
   */
  readonly reason: string;
  /** Ended by stop() or by a signal of the process. */
  readonly stopped: boolean;
  /** What the kernels of the training steps took; only with the option `profile`. */
  readonly profile?: Profile;
}
