/** A log for TensorBoard: an event file in a folder, which `tensorboard --logdir` shows while it grows. */
import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { checkInteger, checkOneOf, wrongShape, wrongType } from '../errors.js';
import { checkPath, unwritable } from '../files.js';
import { encodePng, type Pixels } from '../formats/png.js';
import { type EventValue, encodeEvent, frame, histogramOf } from '../formats/tfevents.js';
import type { Callback } from './callbacks/callback.js';
import type { IterationRecord } from './minimize-options.js';
import type { FitRecord } from './records.js';

const W = 'tensorBoard';
/** Tells apart the files that a process begins in one second. */
let logs = 0;

/**
 * A log for TensorBoard in a folder, which is made where it is missing; its file begins with the first event. Each event is in the file when the
 * method returns.
 * @throws TypeError where `folder` is no path. The methods: TypeError, RangeError on arguments; ERR_FILE where the file cannot be written.
 * @example
 * const log = tensorBoard('runs/first');
 * await model.fit(data, { epochs: 5, validationData, callbacks: [log] });
 * for (const { name, values } of model.weights()) log.histogram(name, values, 5);
 * log.close();
 */
export function tensorBoard(folder: string | URL): TensorBoardLog {
  return new TensorBoardLog(checkPath(W, folder));
}

export class TensorBoardLog implements Callback {
  readonly name = 'tensorBoard';
  readonly #folder: string;
  #file: number | undefined;
  #closed = false;
  /** Records of batches so far. */
  #batches = 0;

  /** Not part of the public API: `tensorBoard` makes logs. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The numbers of a record of fit or minimize, each under a tag ('loss/train', 'accuracy/test', 'learning_rate', 'objective' ...), at its epoch, batch
   * (counted through all epochs) or iteration. It may be given as it is to `onBatchEnd` and `onIteration`.
   */
  readonly record = (record: FitRecord | IterationRecord): void => {
    const step = record.kind === 'epoch' ? record.epoch : record.kind === 'batch' ? ++this.#batches : record.iteration;
    for (const [tag, value] of Object.entries(numbersOf(record)))
      if (value !== undefined) this.scalar(tag, value, step);
  };

  /** As a callback of fit it takes the records of epochs. */
  readonly onEpochEnd = this.record;

  /** A number, as float32. */
  scalar(tag: string, value: number, step: number): void {
    if (typeof value !== 'number') throw wrongType(W, 'value', 'a number', value);
    this.#write(tag, step, { scalar: value });
  }

  /** How values are spread, such as those of `model.weights()`. What is not finite does not count; where nothing else is there, nothing is written. */
  histogram(tag: string, values: ArrayLike<number>, step: number): void {
    if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && 'length' in values))
      throw wrongType(W, 'values', 'an array of numbers', values);
    const histogram = histogramOf(values);
    if (histogram !== undefined) this.#write(tag, step, { histogram });
  }

  /** An image: height * width * channels bytes, row after row from the top; 1 channel (grey), 3 (RGB) or 4 (RGB and opacity). */
  image(tag: string, { width, height, channels, data }: Pixels, step: number): void {
    checkInteger(W, 'width', width, 1, 1 << 16);
    checkInteger(W, 'height', height, 1, 1 << 16);
    checkOneOf(W, 'channels', String(channels), ['1', '3', '4']);
    if (!(data instanceof Uint8Array)) throw wrongType(W, 'data', 'a Uint8Array', data);
    if (data.length !== width * height * channels)
      throw wrongShape(W, `expected ${height} x ${width} x ${channels} bytes but received ${data.length}`);
    this.#write(tag, step, { image: { png: encodePng({ width, height, channels, data }), width, height, channels } });
  }

  /** Closes the file. Later events are refused; closing again does nothing. */
  close(): void {
    this.#closed = true;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** For `using log = tensorBoard(...)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #write(tag: string, step: number, value: EventValue): void {
    if (typeof tag !== 'string' || tag === '') throw wrongType(W, 'tag', 'a name', tag);
    checkInteger(W, 'step', step);
    if (this.#closed) throw new Error(`${W}: the log is closed`);
    const wallTime = Date.now() / 1000;
    const record = frame(encodeEvent({ wallTime, step, tag, value }));
    try {
      this.#file ??= this.#begin(wallTime);
      appendFileSync(this.#file, record);
    } catch (error) {
      throw unwritable(W, 'events', this.#folder, error);
    }
  }

  /** A file named as TensorFlow names them, with the event that tells its version. */
  #begin(wallTime: number): number {
    mkdirSync(this.#folder, { recursive: true });
    const name = `events.out.tfevents.${Math.floor(wallTime)}.${hostname()}.${process.pid}.${logs++}`;
    const file = openSync(join(this.#folder, name), 'wx');
    appendFileSync(file, frame(encodeEvent({ wallTime, fileVersion: 'brain.Event:2' })));
    return file;
  }
}

/** Numbers by tag; a tag's part before the stroke is the group that TensorBoard shows it in. */
function numbersOf(record: FitRecord | IterationRecord): Record<string, number | undefined> {
  if (record.kind === 'batch') {
    const { loss, accuracy, learningRate } = record;
    return { 'batch/loss': loss, 'batch/accuracy': accuracy, 'batch/learning_rate': learningRate };
  }
  const tested = { 'loss/test': record.testLoss, 'accuracy/test': record.testAccuracy };
  if (record.kind === 'iteration') {
    const { objective, gradientNorm, alpha, lambda, ratio, cgSteps } = record;
    return { objective, gradient_norm: gradientNorm, alpha, lambda, ratio, cg_steps: cgSteps, ...tested };
  }
  const { trainLoss, trainAccuracy, objective, learningRate, imagesPerSecond } = record;
  return {
    ...{ 'loss/train': trainLoss, 'accuracy/train': trainAccuracy, ...tested },
    ...{ objective, learning_rate: learningRate, images_per_second: imagesPerSecond },
  };
}
