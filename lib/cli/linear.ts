/** `steepest linear`: fits a linear classifier to files of LIBSVM's format and reports the objective and the accuracies. */
import { Command, Option } from 'commander';
import { readLibsvm } from '../data/libsvm.js';
import type { SparseDataset } from '../data/sparse.js';
import { fitLinear } from '../solvers/linear/fit.js';
import type { LinearLossName } from '../solvers/linear/losses.js';
import type { LinearModel } from '../solvers/linear/model.js';
import type { LinearOptions } from '../solvers/linear/options.js';
import type { LinearProgress } from '../solvers/linear/work.js';
import { INTERRUPTED, type Io, interruptible, jsonLine, OK, UsageError } from './io.js';
import { examples, jsonOption, positiveNumber, smallPositiveNumber, wholeNumber } from './values.js';

const losses = { hinge: 'hinge', 'squared-hinge': 'squaredHinge', logistic: 'logistic' } as const;
const multiClasses = { 'one-vs-rest': 'oneVsRest', softmax: 'softmax', none: 'none' } as const;

export interface LinearArguments {
  readonly data: string;
  readonly test?: string;
  readonly features?: number;
  readonly loss: keyof typeof losses;
  readonly C: number;
  readonly bias?: boolean;
  readonly l1?: boolean;
  readonly tolerance?: number;
  readonly multiClass: keyof typeof multiClasses;
  readonly maxIterations?: number;
  readonly seed: number;
  readonly json?: boolean;
}

export function linearCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('linear')
    .description("fit a linear classifier to sparse rows in LIBSVM's format")
    .requiredOption('--data <file>', 'training rows: label index:value ... a line; plain, gzip or xz')
    .option('--test <file>', 'rows to test with')
    .option(
      '--features <n>',
      'number of features: longer rows are refused (default: as many as there are)',
      wholeNumber(1),
    )
    .addOption(new Option('--loss <name>', 'loss of a row').choices(Object.keys(losses)).default('logistic'))
    .option('--C <x>', 'factor of the losses', positiveNumber, 1)
    .option('--bias', 'append a feature 1 to each row, regularised like the others')
    .option('--l1', 'regularise by |w|_1 in place of |w|^2 / 2')
    .option('--tolerance <x>', 'end this near the least objective, relative to it (default: 1e-3)', smallPositiveNumber)
    .addOption(
      new Option('--multi-class <name>', 'more than two classes: a problem for each, one for all, or none: refused')
        .choices(Object.keys(multiClasses))
        .default('one-vs-rest'),
    )
    .option('--max-iterations <n>', 'most iterations (default: 1000; hinge: 100,000)', wholeNumber(1))
    .option('--seed <n>', 'seed of the order of coordinate descent', wholeNumber(0), 0)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'linear --data heart_scale --loss logistic --C 1 --bias',
        'linear --data a9a.xz --test a9a.t.xz --loss hinge --tolerance 1e-6 --json',
      ),
    )
    .action(async (options: LinearArguments) => finish(await linear(options, io)));
}

/** Runs the command; resolves to its exit code. */
export async function linear(options: LinearArguments, io: Io): Promise<number> {
  const settings = optionsOf(options);
  const done = await interruptible(io, (signal) => fitted(options, settings, signal, io).finally(() => erase(io)));
  if (done === undefined) {
    if (options.json) jsonLine(io, { event: 'done', stopped: true });
    else io.out('stopped\n');
    return INTERRUPTED;
  }
  const { model, seconds, test } = done;
  report(io, model, { seconds, json: options.json === true, ...(test && { test: model.evaluate(test).accuracy }) });
  return OK;
}

async function fitted(options: LinearArguments, settings: LinearOptions, signal: AbortSignal, io: Io) {
  const { train, test } = await readData(options, signal);
  if (!options.json) io.out(`${options.data}: ${describe(train)}\n`);
  else jsonLine(io, { event: 'start', rows: train.x.rows, features: train.x.columns, values: train.x.values.length });
  const begin = performance.now();
  const onProgress = options.json ? undefined : (progress: LinearProgress) => draw(io, progress);
  const model = await fitLinear(train, { ...settings, signal, onProgress });
  return { model, seconds: (performance.now() - begin) / 1000, test };
}

function optionsOf({ loss, C, bias, l1, tolerance, multiClass, maxIterations, seed }: LinearArguments): LinearOptions {
  if (l1 && loss === 'hinge') throw new UsageError('--l1 is for --loss squared-hinge and logistic');
  if (multiClass === 'softmax' && (l1 || loss !== 'logistic'))
    throw new UsageError('--multi-class softmax is for --loss logistic without --l1');
  const name: LinearLossName = losses[loss];
  return {
    ...{
      loss: name,
      C,
      bias: bias === true,
      regularizer: l1 ? 'l1' : 'l2',
      multiClass: multiClasses[multiClass],
      seed,
    },
    ...(tolerance !== undefined && { tolerance }),
    ...(maxIterations !== undefined && { maxIterations }),
  };
}

/** Both files, with as many columns: features that only one of them has are 0 in the other. */
async function readData({ data, test, features }: LinearArguments, signal: AbortSignal) {
  const options = { signal, ...(features !== undefined && { features }) };
  const train = await readLibsvm(data, options);
  if (test === undefined) return { train, test: undefined };
  const tested = await readLibsvm(test, options);
  const columns = Math.max(train.x.columns, tested.x.columns);
  const widen = (set: SparseDataset): SparseDataset => ({ ...set, x: { ...set.x, columns } });
  return { train: widen(train), test: widen(tested) };
}

const count = (value: number) => value.toLocaleString('en-US');

function describe({ x }: SparseDataset): string {
  return `${count(x.rows)} rows, ${count(x.columns)} features, ${count(x.values.length)} values that are not 0`;
}

interface Outcome {
  readonly seconds: number;
  readonly json: boolean;
  readonly test?: number;
}

function report(io: Io, model: LinearModel, { seconds, json, test }: Outcome): void {
  const { objective, gap, iterations, converged, accuracy } = model;
  const relative = gap / objective;
  if (!converged)
    io.err(`stopped before the tolerance was reached: the objective is known to ${relative.toExponential(1)}\n`);
  if (json) {
    const line = { event: 'done', objective, iterations, trainAccuracy: accuracy, testAccuracy: test };
    jsonLine(io, { ...line, gap: relative, converged, classes: [...model.labels], seconds });
    return;
  }
  const weights = model.weights.reduce((sum, w) => sum + (w === 0 ? 0 : 1), 0);
  io.out(`objective ${objective.toPrecision(12)}, at most ${relative.toExponential(1)} of it above the least one\n`);
  io.out(`${count(iterations)} iterations, ${seconds.toFixed(2)} s, ${count(weights)} weights that are not 0\n`);
  io.out(`train accuracy ${accuracy.toFixed(4)}${test === undefined ? '' : `, test accuracy ${test.toFixed(4)}`}\n`);
}

/** One line on a terminal, written over by the next. */
function draw(io: Io, { iterations, objective, gap, problem, problems }: LinearProgress): void {
  if (!io.terminal) return;
  const of = problems > 1 ? `class ${problem + 1}/${problems}, ` : '';
  io.err(
    `\r\x1b[K${of}iteration ${count(iterations)}, objective ${objective.toPrecision(8)}, gap ${gap.toExponential(1)}`,
  );
}

function erase(io: Io): void {
  if (io.terminal) io.err('\r\x1b[K');
}
