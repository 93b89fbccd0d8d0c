/** Loss and accuracy of a network on data, without learning. */
import type { Storage } from '../backends/backend.js';
import { batches, type Data, type DataShape, type Examples, isStream, readExamples } from '../data/dataset.js';
import { atEpoch } from '../data/pipeline.js';
import { show } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import type { Profile } from '../plan/profile.js';
import { LabelledOutputs, type OutputMetrics, type Outputs } from './metrics/evaluation.js';
import type { Network } from './network.js';
import { evaluationRequest, normRequest, targetKind } from './objective.js';
import { type EvaluateOptions, readEvaluateOptions } from './options.js';
import { countUp } from './order.js';
import { profiled } from './profile.js';
import { stepsDone } from './program.js';
import { type Registered, readReals, register } from './registered.js';

export interface Evaluation extends OutputMetrics {
  /** Mean loss of the rows (weighted, where the data has `sampleWeights`), without the regulariser. */
  readonly loss: number;
  /** Part of the rows whose label the network finds, 0 .. 1; absent where there are no labels. */
  readonly accuracy?: number;
  readonly rows: number;
}

export interface EvaluateSettings {
  readonly loss: Loss;
  readonly accuracy: boolean;
  readonly batchSize: number;
  /** Convolutions as CompileRequest.strict says. Default false. */
  readonly strict?: boolean;
  /** Whether the network's outputs are wanted too. Default false. */
  readonly keepOutputs?: boolean;
}

/** What a pass over registered data finds; the outputs row by row, where they are wanted. */
export interface Found extends Evaluation {
  readonly outputs?: Outputs;
}

export function dataShape(network: Network, loss: Loss): DataShape {
  return { inputShape: network.inputShape, outputs: network.outputs, targets: targetKind(loss) };
}

/** Evaluates data in memory or a stream. */
export async function evaluate(
  network: Network,
  data: Data,
  options: EvaluateOptions | undefined,
  lastLoss: Loss | undefined,
): Promise<Evaluation> {
  network.check();
  const { wanted, loss, batchSize, profile: profileOption } = readEvaluateOptions(options, lastLoss);
  const shape = dataShape(network, loss);
  const kept = wanted.outputs.length > 0 ? new LabelledOutputs() : undefined;
  const settings = { loss, batchSize, accuracy: wanted.accuracy, keepOutputs: kept !== undefined };
  const pass = async (examples: Examples, profile: Profile | undefined): Promise<Evaluation> => {
    const labels = kept && examples.targets.labels?.slice(); // whoever gave them may fill them anew
    if (kept !== undefined && labels === undefined)
      throw new TypeError(`evaluate: expected a label for each row in y for metrics ${show(wanted.outputs)}`);
    const registered = await register(network.backend, examples);
    try {
      const found = await evaluateRegistered(network, registered, settings, { profile });
      const { outputs, ...evaluation } = found as Found;
      if (labels !== undefined) kept?.add(labels, outputs!);
      return evaluation;
    } finally {
      registered.dispose();
    }
  };
  const more = () => kept?.metrics(wanted.outputs, network.outputs, loss.threshold(network.output(false)));
  if (!isStream('evaluate', data)) {
    const examples = readExamples('evaluate', data, shape);
    const evaluation = await profiled('evaluate', profileOption, (profile) => pass(examples, profile));
    return { ...evaluation, ...more() };
  }
  return await profiled('evaluate', profileOption, async (profile) => {
    const total = new Totals();
    for await (const examples of batches('evaluate', atEpoch(data, 0), shape))
      add(total, await pass(examples, profile));
    if (total.rows === 0) throw new RangeError('evaluate: expected at least one batch but the stream gave none');
    return { ...total.evaluation(), ...more() };
  });
}

function add(total: Totals, part: Evaluation): void {
  total.add(part.loss, part.accuracy === undefined ? undefined : part.accuracy * part.rows, part.rows);
}

/** One pass over registered data. Undefined only where `signal` ended it. ERR_DISPOSED where the model went meanwhile. */
export function evaluateRegistered(
  network: Network,
  { rows, kinds, storages: data }: Registered,
  { loss, accuracy, batchSize, strict = false, keepOutputs = false }: EvaluateSettings,
  { signal, profile }: { readonly signal?: AbortSignal; readonly profile?: Profile | undefined } = {},
): Promise<Found | undefined> {
  const { backend } = network;
  const batch = Math.min(batchSize, rows);
  const steps = Math.ceil(rows / batch);
  return network.exclusive(async () => {
    const key = JSON.stringify([loss.name, loss.options, accuracy, kinds, strict, keepOutputs]);
    const request = () => evaluationRequest(network, { loss, accuracy, kinds, batch, strict, keepOutputs });
    const program = await network.program('evaluation', key, batch, request, signal);
    if (signal?.aborted) return undefined;
    const storages: Record<string, Storage> = {};
    try {
      storages.indices = backend.allocate('i32', rows, 'data');
      storages.indices.write(countUp(rows));
      storages.loss = backend.allocate('real', steps);
      storages.correct = backend.allocate('real', steps);
      if (keepOutputs) storages.y = backend.allocate('real', rows * network.outputs);
      const run = network.start(program, { ...data, ...storages }, { batch, rows, events: profile?.room }, () => rows);
      const done = await stepsDone(run, signal);
      profile?.add(program.plan, run.events(), done);
      network.check();
      if (done < steps) return undefined;
      const total = new Totals();
      const losses = readReals(storages.loss, steps, backend.precision);
      const correct = accuracy && kinds.labels ? readReals(storages.correct, steps, backend.precision) : undefined;
      for (let i = 0; i < steps; i++) total.add(losses[i]!, correct?.[i], Math.min(batch, rows - i * batch));
      const outputs = storages.y && readReals(storages.y, rows * network.outputs, backend.precision);
      return { ...total.evaluation(), ...(outputs && { outputs }) };
    } finally {
      for (const storage of Object.values(storages)) storage.dispose();
    }
  });
}

/** theta'theta, for the regulariser's value. */
export function squaredNormOf(network: Network): Promise<number> {
  return network.exclusive(async () => {
    const program = await network.program('norm', '', 1, () => normRequest(network));
    const norm = network.backend.allocate('real', 1);
    try {
      await network.start(program, { norm }, { batch: 1, rows: 1 }, () => 0).done;
      network.check();
      return readReals(norm, 1, network.backend.precision)[0]!;
    } finally {
      norm.dispose();
    }
  });
}

/** Totals as JSON. `correct`: null where rows had no labels. */
export interface TotalsState {
  readonly rows: number;
  readonly steps: number;
  readonly loss: number;
  readonly correct: number | null;
}

/** Sums over steps: of the mean losses by their rows, and of right answers. */
export class Totals {
  rows = 0;
  steps = 0;
  #loss = 0;
  #correct: number | undefined = 0;

  add(loss: number, correct: number | undefined, rows: number): void {
    this.rows += rows;
    this.steps++;
    this.#loss += loss * rows;
    this.#correct = this.#correct === undefined || correct === undefined ? undefined : this.#correct + correct;
  }

  get loss(): number {
    return this.#loss / this.rows;
  }

  get accuracy(): number | undefined {
    return this.#correct === undefined ? undefined : this.#correct / this.rows;
  }

  /** What `from` makes it of again. */
  state(): TotalsState {
    return { rows: this.rows, steps: this.steps, loss: this.#loss, correct: this.#correct ?? null };
  }

  static from({ rows, steps, loss, correct }: TotalsState): Totals {
    const totals = new Totals();
    [totals.rows, totals.steps, totals.#loss, totals.#correct] = [rows, steps, loss, correct ?? undefined];
    return totals;
  }

  evaluation(): Evaluation {
    const { accuracy, loss, rows } = this;
    return { loss, ...(accuracy !== undefined && { accuracy }), rows };
  }
}
