/** A log of training as panels: curves by epoch or iteration, and the evaluation at the end. */
import type { Chart, Series } from './chart.js';
import { type Evaluation, evaluation, evaluationPanels } from './evaluation.js';
import { type Fields, number, text } from './lines.js';
import type { Panel } from './page.js';
import { digits } from './roofline.js';

/** Numbers of an event by their names. */
type Numbers = Readonly<Record<string, number | undefined>>;

export interface Event {
  readonly event: string;
  readonly numbers: Numbers;
  readonly device: string | undefined;
  readonly evaluation: Evaluation | undefined;
}

const names = {
  start: ['parameters'],
  steps: ['epochs', 'loss', 'learningRate'],
  epoch: [
    ...['epoch', 'trainLoss', 'testLoss', 'trainAccuracy', 'testAccuracy', 'objective', 'learningRate'],
    ...['seconds', 'imagesPerSecond'],
  ],
  iteration: [
    ...['iteration', 'objective', 'gradientNorm', 'testLoss', 'testAccuracy', 'passes', 'cgSteps', 'lambda', 'seconds'],
  ],
} as const satisfies Record<string, readonly string[]>;

export function event(fields: Fields): Event {
  const kind = text(fields, 'event') ?? '';
  const wanted = Object.entries(names).find(([name]) => name === kind)?.[1] ?? [];
  return {
    event: kind,
    numbers: Object.fromEntries(wanted.map((name) => [name, number(fields, name)])),
    device: text(fields, 'device'),
    evaluation: kind === 'evaluation' ? evaluation(fields) : undefined,
  };
}

/** y against x of the events, where both are there; undefined where there is nothing. */
function series(label: string, events: readonly Event[], x: string, y: string, color: number): Series[] {
  const points = events.filter(({ numbers }) => numbers[x] !== undefined && numbers[y] !== undefined);
  if (points.length === 0) return [];
  const column = (name: string) => points.map(({ numbers }) => numbers[name]!);
  return [{ label, x: column(x), y: column(y), color }];
}

function chart(title: string, x: string, y: string, lines: Series[], log = false): Chart[] {
  if (lines.length === 0) return [];
  return [{ kind: 'chart', title, x: { label: x }, y: { label: y, log }, series: lines }];
}

/** Whether a logarithmic axis shows more: where all is above 0 and the largest is many times the least. */
function spread(lines: readonly Series[]): boolean {
  const values = lines.flatMap(({ y }) => y.filter((value) => value !== null && value !== undefined));
  const [least, largest] = values.reduce(
    ([a, b], v) => [Math.min(a, v), Math.max(b, v)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  return least > 0 && largest > 30 * least;
}

export function runPanels(events: readonly Event[]): Panel[] {
  const of = (kind: string) => events.filter((one) => one.event === kind);
  const [steps, epochs, iterations] = [of('steps'), of('epoch'), of('iteration')];
  const byEpoch = (label: string, name: string, color: number) => series(label, epochs, 'epoch', name, color);
  const byIteration = (name: string, label = name, color = 0) => series(label, iterations, 'iteration', name, color);
  const rates = series('learning rate', steps, 'epochs', 'learningRate', 0);
  const losses = [
    ...series('training, some steps', steps, 'epochs', 'loss', 5),
    ...[...byEpoch('training', 'trainLoss', 0), ...byEpoch('test', 'testLoss', 1)],
  ];
  return [
    ...chart('Loss', 'epoch', 'loss', losses, spread(losses)),
    ...chart('Accuracy', 'epoch', 'accuracy', [
      ...[...byEpoch('training', 'trainAccuracy', 0), ...byEpoch('test', 'testAccuracy', 1)],
    ]),
    ...chart('Learning rate', 'epoch', 'rate', rates.length > 0 ? rates : byEpoch('learning rate', 'learningRate', 0)),
    ...chart('Throughput', 'epoch', 'images / s', byEpoch('images / s', 'imagesPerSecond', 2)),
    ...chart('Objective', 'iteration', 'f', byIteration('objective', 'f'), spread(byIteration('objective'))),
    ...chart('Gradient', 'iteration', '|g|', byIteration('gradientNorm', '|g|'), true),
    ...chart('Accuracy', 'iteration', 'accuracy', byIteration('testAccuracy', 'test', 1)),
    ...chart('Work', 'iteration', 'times through the data', [
      ...[...byIteration('passes', 'passes', 2), ...byIteration('cgSteps', 'steps of CG', 3)],
    ]),
    ...events.flatMap((one) => (one.evaluation === undefined ? [] : evaluationPanels(one.evaluation))),
  ];
}

/** One line: what ran, for how long, and how well it did. */
export function summary(events: readonly Event[]): string | undefined {
  const start = events.find(({ event }) => event === 'start');
  const rounds = events.filter(({ event }) => event === 'epoch' || event === 'iteration');
  const last = rounds.at(-1);
  if (last === undefined) return undefined;
  const { numbers } = last;
  const round = numbers.epoch ?? numbers.iteration;
  const seconds = rounds.reduce((sum, one) => sum + (one.numbers.seconds ?? 0), 0);
  const parts: [number | undefined, (value: number) => string][] = [
    [start?.numbers.parameters, (v) => `${v.toLocaleString('en-US')} parameters`],
    [round, (v) => `${v} ${last.event}${v === 1 ? '' : 's'} in ${digits(seconds)} s`],
    [numbers.testLoss, (v) => `test loss ${v.toPrecision(4)}`],
    [numbers.testAccuracy, (v) => `test accuracy ${v.toFixed(4)}`],
  ];
  const told = parts.flatMap(([value, tell]) => (value === undefined ? [] : [tell(value)]));
  return [...(start?.device === undefined ? [] : [start.device]), ...told].join(', ');
}
