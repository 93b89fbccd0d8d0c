/** How a training run tells what it does: lines of JSON, a progress bar on a terminal, or one line an epoch. */
import { doneEvent, epochEvent, startEvent } from '../../train/events.js';
import type { IterationRecord, MinimizeProgress, Minimum } from '../../train/minimize-options.js';
import type { Model } from '../../train/model.js';
import type { EpochRecord, History, Progress } from '../../train/records.js';
import { Bar } from '../bar.js';
import { type Io, jsonLine, type Output } from '../io.js';

export interface Report {
  start(model: Model, run: { model: string; data: string }, images: number, testImages: number): void;
  /** Images are being read. */
  loading(progress: { images: number; total: number }): void;
  /** Something worth knowing that is no result. */
  note(text: string): void;
  progress(progress: Progress): void;
  epoch(record: EpochRecord, epochs: number): void;
  /** A whole-data method's iteration is so far, or over. */
  passing(progress: MinimizeProgress): void;
  iteration(record: IterationRecord): void;
  /** The test accuracy that was asked for is reached. */
  target(target: { accuracy: number; trainSeconds: number; epoch: number }): void;
  done(history: History): void;
  /** The end of a whole-data method. */
  minimum(minimum: Minimum): void;
  /** Takes the bar away, whatever happened. */
  close(): void;
}

/** What is shown; with a log, the lines of JSON go there too (those of epochs by the log itself, which is a callback of the fit). */
export function reportFor(io: Io, json: boolean, log?: Output): Report {
  const shown = json ? new JsonReport(io) : new TextReport(io);
  return log === undefined ? shown : both(shown, new JsonReport(log));
}

function both(shown: Report, log: Report): Report {
  const twice =
    <Given extends unknown[]>(tell: (report: Report, ...given: Given) => void) =>
    (...given: Given) => {
      for (const report of [shown, log]) tell(report, ...given);
    };
  return {
    start: twice((report, ...given: Parameters<Report['start']>) => report.start(...given)),
    loading: (progress) => shown.loading(progress),
    note: (text) => shown.note(text),
    progress: (progress) => shown.progress(progress),
    epoch: (record, epochs) => shown.epoch(record, epochs),
    passing: (progress) => shown.passing(progress),
    iteration: twice((report, record: IterationRecord) => report.iteration(record)),
    target: twice((report, target: Parameters<Report['target']>[0]) => report.target(target)),
    done: twice((report, history: History) => report.done(history)),
    minimum: twice((report, minimum: Minimum) => report.minimum(minimum)),
    close: () => shown.close(),
  };
}

/** The fields that an iteration's line and the last line share; what a record has not is left out. */
function iterationFields({ kind: _, ...fields }: IterationRecord) {
  return fields;
}

class JsonReport implements Report {
  constructor(private readonly io: Output) {}

  start(model: Model): void {
    jsonLine(this.io, startEvent(model));
  }
  loading(): void {}
  note(text: string): void {
    this.io.err(`${text}\n`);
  }
  progress(): void {}
  epoch(record: EpochRecord): void {
    jsonLine(this.io, epochEvent(record));
  }
  passing(): void {}
  iteration(record: IterationRecord): void {
    jsonLine(this.io, { event: 'iteration', ...iterationFields(record) });
  }
  minimum({ iterations, reason, stopped }: Minimum): void {
    const last = iterations.at(-1);
    jsonLine(this.io, { event: 'done', ...(last && iterationFields(last)), reason, ...(stopped && { stopped }) });
  }
  target(target: { accuracy: number; trainSeconds: number; epoch: number }): void {
    jsonLine(this.io, { event: 'target', ...target });
  }
  done(history: History): void {
    jsonLine(this.io, doneEvent(history));
  }
  close(): void {}
}

class TextReport implements Report {
  readonly #bar: Bar;
  constructor(private readonly io: Io) {
    this.#bar = new Bar(io);
  }

  start(model: Model, run: { model: string; data: string }, images: number, testImages: number): void {
    const amounts = `${count(model.parameterCount)} parameters, ${count(images)} ${model.inputShape.length === 3 ? 'images' : 'rows'}, ${count(testImages)} for the test`;
    this.io.out(`${run.model} on ${run.data}: ${amounts}; ${model.device.description}\n`);
  }
  note(text: string): void {
    this.io.err(`${text}\n`);
  }
  loading({ images, total }: { images: number; total: number }): void {
    this.#bar.draw('reading [{bar}] {value}/{total} images', images, total);
  }
  progress({ epoch, epochs, step, steps, loss }: Progress): void {
    if (steps === undefined) return;
    const values = { epoch: `${epoch}/${epochs}`, loss: loss.toFixed(4) };
    this.#bar.draw('epoch {epoch} [{bar}] step {value}/{total}, loss {loss}', step, steps, values);
  }
  epoch(record: EpochRecord, epochs: number): void {
    this.close();
    this.io.out(`epoch ${record.epoch}/${epochs}: ${describe(record)}\n`);
  }
  passing({ iteration, iterations, objective, passes }: MinimizeProgress): void {
    const values = { f: objective?.toFixed(4) ?? '-', passes };
    this.#bar.draw('iteration {value}/{total} [{bar}] pass {passes}, f {f}', iteration, iterations, values);
  }
  iteration(record: IterationRecord): void {
    this.close();
    this.io.out(`${describeIteration(record)}\n`);
  }
  minimum({ iterations, reason, stopped }: Minimum): void {
    this.close();
    const last = iterations.at(-1);
    const at = last === undefined ? 'before the first pass ended' : `after iteration ${last.iteration}`;
    this.io.out(stopped ? `stopped ${at}\n` : `ended ${at}: ${ENDINGS[reason]}\n`);
  }
  target({ accuracy, trainSeconds, epoch }: { accuracy: number; trainSeconds: number; epoch: number }): void {
    this.io.out(
      `test accuracy ${accuracy.toFixed(4)} after ${trainSeconds.toFixed(2)} s of training, in epoch ${epoch}\n`,
    );
  }
  done({ epochs, reason, stopped }: History): void {
    this.close();
    if (reason === 'epochs') return;
    const last = epochs.at(-1);
    const reached =
      last === undefined
        ? 'before the first step ended'
        : last.partial
          ? `in epoch ${last.epoch} after ${count(last.steps)} steps of it`
          : `after epoch ${last.epoch}`;
    this.io.out(stopped ? `stopped ${reached}\n` : `ended ${reached}: ${reason}\n`);
  }
  close(): void {
    this.#bar.close();
  }
}

const ENDINGS = {
  tolerance: 'the gradient is small enough',
  iterations: 'all iterations are done',
  'line-search': 'no step lowers the objective any more',
  stopped: 'stopped',
} as const;

const count = (value: number) => value.toLocaleString('en-US');

/** `train loss 0.1234, test loss 0.0987, test accuracy 0.9712, 3.21 s, 18,690 images/s` */
export function describe({ trainLoss, testLoss, testAccuracy, seconds, imagesPerSecond }: EpochRecord): string {
  return [
    `train loss ${trainLoss.toFixed(4)}`,
    ...(testLoss === undefined ? [] : [`test loss ${testLoss.toFixed(4)}`]),
    ...(testAccuracy === undefined ? [] : [`test accuracy ${testAccuracy.toFixed(4)}`]),
    `${seconds.toFixed(2)} s`,
    `${count(Math.round(imagesPerSecond))} images/s`,
  ].join(', ');
}

/** `iteration 3: f 7.60573, |g| 5.72542, alpha 1, ratio 0.587698, lambda 1, CG 10, actred -1.4731, prered -2.50656, test accuracy 0.6970, 1.02 s` */
export function describeIteration(record: IterationRecord): string {
  const { iteration, objective, gradientNorm, alpha, ratio, lambda, cgSteps, actred, prered } = record;
  const { testLoss, testAccuracy, seconds } = record;
  const numbers = { f: objective, '|g|': gradientNorm, alpha, ratio, lambda, CG: cgSteps, actred, prered };
  return [
    `iteration ${iteration}: ${Object.entries(numbers)
      .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${Number(value.toPrecision(6))}`]))
      .join(', ')}`,
    ...(testLoss === undefined ? [] : [`test loss ${testLoss.toFixed(4)}`]),
    ...(testAccuracy === undefined ? [] : [`test accuracy ${testAccuracy.toFixed(4)}`]),
    `${seconds.toFixed(2)} s`,
  ].join(', ');
}
