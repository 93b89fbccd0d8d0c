/**
 * A model: layers, with their parameters on a device. Made by `sequential` or `model`, trained by `fit`, asked by `evaluate` and `predict`.
 */
import type { DeviceName } from '../backends/backend.js';
import type { Data, Dataset, DataValues } from '../data/dataset.js';
import type { ByteSource } from '../data/unpack.js';
import { checkInteger, checkOptions, wrongType } from '../errors.js';
import { isLayerOutput, type LayerGraph, sequence, upTo } from '../layers/graph.js';
import type { AnyLayer, LayerOutput } from '../layers/layer.js';
import type { Loss } from '../losses/loss.js';
import { lossFrom } from '../losses/registry.js';
import type { Optimizer, OptimizerName } from '../optimizers/optimizer.js';
import { optimizerFrom } from '../optimizers/registry.js';
import { chooseDevice, type DeviceOptions, deviceOptionNames } from './device.js';
import { type Evaluation, evaluate } from './evaluate.js';
import { startFit } from './fit.js';
import type { FitRun } from './kept-run.js';
import { startMinimize } from './minimize.js';
import type { MinimizeOptions, MinimizeRun, MinimizeSettings } from './minimize-options.js';
import { Network } from './network.js';
import type { EvaluateOptions, FitOptions, FitSettings } from './options.js';
import { classesOf, type PredictOptions, predict } from './predict.js';
import {
  type Described,
  fromModelConfig,
  type ModelConfig,
  readModelFile,
  type SavedModel,
  toModelConfig,
  writeModelFile,
} from './saved.js';
import { type PlanDescription, type PlanOptions, planOf } from './step-plan.js';
import { summary } from './summary.js';
import { readWeights, type Weights, writeWeights } from './weights.js';

interface CommonOptions extends DeviceOptions {
  /** Seed of the parameters' start, of dropout and of the order of rows: a whole number in 0 .. 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** For people. Default 'sequential' or 'model', what it was made by. */
  readonly name?: string;
}

export interface SequentialOptions extends CommonOptions {
  /** Shape of one input, without the batch: [28, 28, 1], or [784]. */
  readonly inputShape: readonly number[];
}

export interface ModelOptions extends CommonOptions {
  /** What `input` made. */
  readonly inputs: LayerOutput;
  /** What the network gives: made from `inputs` by `connect`. */
  readonly outputs: LayerOutput;
}

const commonOptions = ['seed', 'name', ...deviceOptionNames] as const;

/**
 * A model of layers in a row.
 *
 * `device`: 'auto' (default) takes 'cpu' where the native addon loads, else 'reference', and says so in `model.device`; 'cpu', 'reference'
 * and 'cuda' ('cuda:1' for the second GPU) mean just that and throw ERR_NO_DEVICE where it is not there. `threads`: default, one for each
 * physical core. `precision`: 'fp32' (default); 'strict', which leaves out algorithms that lose a digit; 'tf32' or 'bf16' on CUDA, for faster
 * products; or 'float64' on the reference. Like `threads` it belongs to the device, not to the layers.
 *
 * @throws TypeError, RangeError on options; ERR_SHAPE, with the layer's name and both shapes, where layers do not fit each other.
 * @example
 * const model = sequential({ inputShape: [28, 28, 1], seed: 1 }, [
 *   conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }), maxPool2d({ poolSize: 2 }), flatten(), dense({ units: 10 }),
 * ]);
 */
export function sequential(options: SequentialOptions, layers: readonly AnyLayer[]): Model {
  checkOptions('sequential', options ?? null, ['inputShape', ...commonOptions]);
  checkInputShape(options.inputShape);
  return new Model('sequential', options, sequence(options.inputShape, layers));
}

/**
 * A model of layers connected in any way that has no loops: one input, one output. The other options are those of `sequential`.
 * @throws TypeError, RangeError on options; ERR_SHAPE, with the layer's name and both shapes, where layers do not fit each other.
 * @example
 * const x = input([32, 32, 3]);
 * const y = connect(x, conv2d({ filters: 3, kernelSize: 3, padding: 'same' }), relu());
 * const net = model({ inputs: x, outputs: connect([x, y], add(), globalAveragePool2d(), dense({ units: 10 })), seed: 1 });
 */
export function model(options: ModelOptions): Model {
  checkOptions('model', options ?? null, ['inputs', 'outputs', ...commonOptions]);
  const { inputs, outputs } = options;
  if (!isLayerOutput(inputs) || inputs.layer !== undefined)
    throw wrongType('model', 'inputs', 'what input() made', inputs);
  if (!isLayerOutput(outputs) || outputs.layer === undefined)
    throw wrongType('model', 'outputs', 'what connect() made', outputs);
  return new Model('model', options, { inputs, outputs });
}

/**
 * Reads a model that `model.save` wrote, from a path or from memory: it predicts the same bits on the same device, and trains on. Options: device,
 * threads and precision, as for `sequential`; the default precision is 'float64' where the model was saved in it.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @throws (rejects) ERR_FORMAT, with the file and the reason, where it is damaged, was saved by a later version or has a layer that is not known;
 *   TypeError, RangeError on options; ERR_NO_DEVICE; Node's own error where the file cannot be read.
 * @example const model = await loadModel('digits.safetensors', { device: 'cpu' });
 */
export function loadModel(source: ByteSource, options?: DeviceOptions): Promise<Model> {
  return Model.load(source, options);
}

export class Model {
  readonly name: string;
  readonly seed: number;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** The layers with their connections, from the input to the output. */
  readonly graph: LayerGraph;
  /** As they were connected, each after those it reads; blocks in one piece. */
  readonly layers: readonly AnyLayer[];
  /** What the model runs on, in words too, and why. */
  readonly device: { readonly name: DeviceName; readonly description: string; readonly reason: string };
  readonly #network: Network;
  readonly #optimizers = new Map<OptimizerName, Optimizer>();
  #loss: Loss | undefined;

  /** Not for users: `sequential`, `model` and `loadModel` make models. */
  constructor(
    where: string,
    options: CommonOptions,
    graph: LayerGraph,
    weights?: readonly Pick<Weights, 'name' | 'values'>[],
  ) {
    const { name = where } = options;
    if (typeof name !== 'string') throw wrongType(where, 'name', 'a string', name);
    const seed = checkInteger(where, 'seed', options.seed ?? 0);
    const { backend, reason } = chooseDevice(where, options);
    this.#network = new Network(name, backend, seed, graph, weights);
    this.name = name;
    this.seed = seed;
    this.inputShape = this.#network.inputShape;
    this.outputShape = this.#network.outputShape;
    this.graph = graph;
    this.layers = upTo(graph.outputs).flatMap(({ layer }) => layer ?? []);
    this.device = { name: backend.name, description: backend.description, reason };
  }

  /** Number of trainable values. */
  get parameterCount(): number {
    return this.#network.parameterCount;
  }

  /**
   * Trains on data, beginning with the weights as they are. Returns at once: the run can be awaited (its history), iterated (a record an
   * epoch, or a batch), paused and stopped; its `status` tells how far it is. Everything is checked before anything changes; what is wrong rejects the run.
   *
   * Data: `{ x, y }` in memory; or batches `{ x, y }` as an iterable (async or not) or a function that returns one for each epoch.
   * x: [rows, ...inputShape]; a Uint8Array holds pixels, and the network sees value / 255. y: labels, or rows of targets for losses
   * that take them. With one output, labels are 0 and 1 (hinge and logistic also take -1 and +1). `sampleWeights`: how much each row counts in the
   * mean loss, sum_i w_i loss_i / sum_i w_i; only their ratios within the data set (of a stream: within the batch) matter.
   *
   * The same model, data, options and device give bit-equal losses, whatever the number of threads; on another machine, or without its file of
   * tuned choices complete, they may round differently (STEEPEST_TUNE=0 chooses by sizes alone). One fit of a model at a time.
   *
   * @throws (rejects) TypeError, RangeError on options and data; ERR_SHAPE where the sizes of data do not fit; the signal's reason;
   * ERR_DISPOSED; ERR_FILE where the profile cannot be written; whatever a callback or a stream throws.
   * @example
   * const run = model.fit({ x, y }, { epochs: 3, batchSize: 128, validationData: test });
   * for await (const { epoch, trainLoss, testAccuracy } of run) console.log(epoch, trainLoss, testAccuracy);
   */
  fit(data: Data, options?: FitOptions): FitRun {
    const named = (name: OptimizerName): Optimizer => {
      const optimizer = this.#optimizers.get(name) ?? optimizerFrom(name);
      this.#optimizers.set(name, optimizer);
      return optimizer;
    };
    const onSettings = ({ loss }: FitSettings) => {
      this.#loss = loss;
    };
    return startFit(this.#network, data, options, named, onSettings, this);
  }

  /**
   * Trains with a whole-data method: f(theta) = theta'theta / (2C) + mean loss of all rows goes down in every iteration, and repeats bit for
   * bit. `method`: 'newton-cg' (default), 'lbfgs' or 'gradient-descent', each with its own options beside those that all have. Returns at once, as
   * fit does: the run can be awaited (the minimum), iterated (a record for the start and each iteration), paused (between two passes over the
   * data, with the weights of the last record) and stopped.
   *
   * Data: `{ x, y }` in memory, as for fit. The network is that of evaluate and predict: dropout does nothing, batch normalization keeps
   * its running statistics as they are. Network, loss and method need derivatives: stochasticPool2d has none here.
   *
   * @throws (rejects) TypeError, RangeError on options and data; ERR_SHAPE where sizes do not fit; ERR_NOT_DIFFERENTIABLE; RangeError
   * where the objective is not finite at the start; the signal's reason; ERR_DISPOSED; ERR_CHECKPOINT, ERR_FILE; whatever a callback throws.
   * @example
   * const run = model.minimize({ x, y }, { method: 'lbfgs', loss: 'squaredError', iterations: 50 });
   * for await (const { iteration, objective, gradientNorm } of run) console.log(iteration, objective, gradientNorm);
   * const { reason } = await run; // 'tolerance', 'iterations', 'line-search' or 'stopped'
   */
  minimize(data: Dataset, options?: MinimizeOptions): MinimizeRun {
    const onSettings = ({ loss }: MinimizeSettings) => {
      this.#loss = loss;
    };
    return startMinimize(this.#network, data, options, onSettings, this);
  }

  /**
   * Mean loss and accuracy on data (in memory or a stream), and other metrics on demand, without learning. During a fit it waits for the
   * steps in flight and sees the weights as they stand then.
   * @throws (rejects) as fit does; TypeError where metrics of labels are wanted and there are none.
   * @example
   * const { accuracy, top5, confusionMatrix } = await model.evaluate(test, { metrics: ['accuracy', 'top5', 'confusionMatrix'] });
   */
  evaluate(data: Data, options?: EvaluateOptions): Promise<Evaluation> {
    return evaluate(this.#network, data, options, this.#loss);
  }

  /**
   * The network's outputs, activations included: [rows, ...outputShape], row after row, in the order of x. Float64Array where the model's
   * precision is float64.
   * @throws (rejects) TypeError, RangeError on x and options; ERR_SHAPE where its size does not fit; ERR_DISPOSED.
   */
  predict(x: DataValues, options?: PredictOptions): Promise<Float32Array | Float64Array> {
    return predict(this.#network, x, options);
  }

  /** The class of each row: the place of its largest output; with one output, 1 from the loss's threshold on, else 0. */
  async predictClasses(x: DataValues, options?: PredictOptions): Promise<Int32Array> {
    const outputs = await predict(this.#network, x, options);
    const threshold = (this.#loss ?? lossFrom('logistic')).threshold(this.#network.output(false));
    return classesOf(outputs, this.#network.outputs, threshold);
  }

  /** A table of the layers, their output shapes and parameters. */
  summary(): string {
    this.#network.check();
    return summary(this.#network);
  }

  /**
   * The plan of a step, compiled for the purpose: print it to see kernels, shapes, bytes and floating-point operations.
   * @throws TypeError, RangeError on options; ERR_SHAPE where the loss does not fit the network.
   */
  plan(options?: PlanOptions): PlanDescription {
    this.#network.check();
    return planOf(this.#network, options);
  }

  /** A copy of the parameters, in the order of the layers. Throws an Error while steps are in flight. */
  weights(): Weights[] {
    this.#idle('weights');
    return readWeights(this.#network);
  }

  /**
   * Sets parameters by name; those not named stay. All are checked before any is set.
   * @throws TypeError on an unknown name or wrong type; ERR_SHAPE on a wrong number of values; an Error while steps are in flight.
   */
  setWeights(weights: readonly Pick<Weights, 'name' | 'values'>[]): void {
    this.#idle('setWeights');
    writeWeights(this.#network, weights);
  }

  #idle(method: string): void {
    this.#network.check();
    if (this.#network.busy)
      throw new Error(`${method}: steps are in flight; do it in onEpochEnd, or after the run has ended`);
  }

  /**
   * Writes the model to one file: layers, parameters (batch normalization's running statistics too), name, seed and the loss of the last fit. It is
   * a safetensors file, which other programs read too, and it is there whole or not at all. What an optimizer keeps is not in it. During a fit,
   * saving waits for the steps in flight and takes the parameters as they stand then.
   *
   * @throws (rejects) ERR_FILE where the file cannot be written; TypeError, RangeError where a layer is not one of this library's; ERR_DISPOSED.
   * @example
   * await model.save('digits.safetensors');
   * const again = await loadModel('digits.safetensors'); // predicts the same bits
   */
  async save(path: string | URL): Promise<void> {
    this.#network.check();
    const config = this.toJSON();
    const weights = await this.#network.exclusive(async () => readWeights(this.#network));
    await writeModelFile(path, config, weights);
  }

  /** `loadModel`. */
  static async load(source: ByteSource, options?: DeviceOptions): Promise<Model> {
    checkOptions('loadModel', options, deviceOptionNames);
    const saved = await readModelFile('loadModel', source);
    const elsewhere = options?.device !== undefined && options.device !== 'auto' && options.device !== 'reference';
    const wide = saved.weights[0]?.values instanceof Float64Array && !elsewhere;
    return Model.#from('loadModel', saved, {
      ...options,
      precision: options?.precision ?? (wide ? 'float64' : 'fp32'),
    });
  }

  /** The model as JSON, without its parameters: what `fromJSON` reads. `JSON.stringify(model)` calls it. */
  toJSON(): ModelConfig {
    return toModelConfig({ name: this.name, seed: this.seed, graph: this.graph, loss: this.#loss });
  }

  /**
   * The model that toJSON described, with the parameters that its seed gives. Options: device, threads and precision, as for `sequential`.
   * @throws TypeError, RangeError, ERR_SHAPE where the description or the options are wrong; ERR_FORMAT where another version made it.
   * @example const twin = Model.fromJSON(JSON.parse(JSON.stringify(model)));
   */
  static fromJSON(config: ModelConfig, options?: DeviceOptions): Model {
    checkOptions('fromJSON', options, deviceOptionNames);
    return Model.#from('fromJSON', fromModelConfig('fromJSON', config), options);
  }

  static #from(where: string, described: Described | SavedModel, options: DeviceOptions | undefined): Model {
    const { name, seed, graph, loss } = described;
    const weights = 'weights' in described ? described.weights : undefined;
    const made = new Model(where, { ...options, name, seed }, graph, weights);
    made.#loss = loss;
    return made;
  }

  get disposed(): boolean {
    return this.#network.disposed;
  }

  /**
   * Frees the model's memory, at once or after the step in flight; a fit under way then rejects with ERR_DISPOSED. Later use of the model
   * throws ERR_DISPOSED. Calling it again does nothing. Without it the memory goes when the model is garbage.
   */
  dispose(): void {
    this.#network.dispose();
  }

  /** For `using model = sequential(...)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function checkInputShape(shape: unknown): asserts shape is readonly number[] {
  if (!Array.isArray(shape)) throw wrongType('sequential', 'inputShape', 'an array of sizes', shape);
  if (shape.length === 0 || !shape.every((d) => Number.isInteger(d) && d >= 1))
    throw new RangeError(
      `sequential: expected sizes >= 1 without the batch for inputShape but received [${shape.join(', ')}]`,
    );
}
