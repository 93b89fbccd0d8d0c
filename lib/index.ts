/** steepest: the public API. Re-exports only. */

// Devices and their single kernels
export type { DeviceName, Precision, TypedArray } from './backends/backend.js';
export { type KernelFunctions, kernels } from './backends/call.js';
// Data
export type { Augmentation } from './data/augment/augmentation.js';
export * as augment from './data/augment/public.js';
export type { BatchOptions } from './data/batch.js';
export { type Cifar10, cifar10 } from './data/cifar10.js';
export { type Cifar100Options, cifar100 } from './data/cifar100.js';
export { type CsvData, type CsvOptions, type CsvTable, readCsv } from './data/csv.js';
export type { Column } from './data/csv-parser.js';
export type {
  BatchStream,
  Data,
  Dataset,
  DataValues,
  LabelledImages,
  NestedNumbers,
  NumericArray,
} from './data/dataset.js';
export { type DigitsOptions, digits } from './data/digits.js';
export { type FetchOptions, type FetchProgress, fetchDataset } from './data/fetch.js';
export { type Idx, readIdx, writeIdx } from './data/idx.js';
export { type ImageFiles, imageFiles } from './data/image-files.js';
export { type ImageFolder, imageFolder } from './data/image-folder.js';
export type { ImageFolderOptions } from './data/image-list.js';
export type { ImageOptions, ImageProgress } from './data/image-options.js';
export { type LibsvmOptions, readLibsvm } from './data/libsvm.js';
export { type MatArray, type MatNumbers, readMat } from './data/mat.js';
export { type Mnist, mnist } from './data/mnist.js';
export { type Pipeline, pipeline, type ShuffleOptions } from './data/pipeline.js';
export { type AnyDataset, type ImageFile, type Row, subset } from './data/rows.js';
export { type PixelOrder, type RealImages, type SimplennOptions, simplennData } from './data/simplenn.js';
export type { SparseDataset, SparseRows } from './data/sparse.js';
export { type SplitOptions, split } from './data/split.js';
export type { ClassWeights } from './data/weights.js';
// Errors
export { type ErrorCode, SteepestError } from './errors.js';
// File formats
export { encodeNpy, type NpyArray, type NpyInput, type NpyType, readNpy } from './formats/npy.js';
export { encodeNpz, type NpzOptions, readNpz } from './formats/npz.js';
export {
  encodeSafetensors,
  readSafetensors,
  type Safetensors,
  type SafetensorsTensor,
  type SafetensorsType,
} from './formats/safetensors.js';
// Graph
export { grad, valueAndGrad, vjp } from './graph/grad.js';
export { jvp } from './graph/jvp.js';
export * as ops from './graph/public.js';
export { type Directions, gaussNewtonProduct, hvp } from './graph/second-order.js';
export type { Dim, Shape, Tensor } from './graph/tensor.js';
// Layers
export { add } from './layers/add.js';
export { averagePool2d } from './layers/average-pool2d.js';
export { type BatchNormOptions, batchNorm } from './layers/batch-norm.js';
export type { Activation, WeightedOptions } from './layers/common.js';
export { type Conv2dOptions, conv2d } from './layers/conv2d.js';
export { type DenseOptions, dense } from './layers/dense.js';
export { type DropoutOptions, dropout } from './layers/dropout.js';
export { flatten } from './layers/flatten.js';
export { globalAveragePool2d } from './layers/global-average-pool2d.js';
export { connect, input, type LayerGraph } from './layers/graph.js';
export * as initializers from './layers/initializers.js';
export type { AnyLayer, BlockLayer, Layer, LayerOutput, MergeLayer } from './layers/layer.js';
export { maxPool2d } from './layers/max-pool2d.js';
export type { Pool2dOptions } from './layers/pool2d.js';
export { relu } from './layers/relu.js';
export { type ResidualOptions, residual } from './layers/residual.js';
export { sigmoid } from './layers/sigmoid.js';
export { softmax } from './layers/softmax.js';
export { stochasticPool2d } from './layers/stochastic-pool2d.js';
export { tanh } from './layers/tanh.js';
export { type ZeroPadding2dOptions, zeroPadding2d } from './layers/zero-padding2d.js';
// Losses
export { type HingeOptions, hinge } from './losses/hinge.js';
export { logistic } from './losses/logistic.js';
export type { Loss, LossName } from './losses/loss.js';
export type { LossOption } from './losses/registry.js';
export { softmaxCrossEntropy } from './losses/softmax-cross-entropy.js';
export { squaredError } from './losses/squared-error.js';
// Named networks
export { cnn4 } from './models/cnn4.js';
export { lenet } from './models/lenet.js';
export { mlp } from './models/mlp.js';
export { mnistFast } from './models/mnist-fast.js';
export type { Network, NetworkOptions } from './models/network.js';
export { resnet18 } from './models/resnet18.js';
export { readSimplennConfig } from './models/simplenn.js';
export { vgg11 } from './models/vgg11.js';
// Optimizers
export { adagrad } from './optimizers/adagrad.js';
export { type AdamOptions, adam } from './optimizers/adam.js';
export { adamw } from './optimizers/adamw.js';
export { momentum } from './optimizers/momentum.js';
export { nesterov } from './optimizers/nesterov.js';
export type { Optimizer, OptimizerName } from './optimizers/optimizer.js';
export { rmsprop } from './optimizers/rmsprop.js';
export * as schedules from './optimizers/schedules.js';
export { sgd } from './optimizers/sgd.js';
// Graphs computed at once
export { compute } from './plan/compute.js';
export { type GradCheckOptions, type GradCheckResult, type GradCheckSample, gradCheck } from './plan/grad-check.js';
export type { KernelProfile, Profile, TraceEvent } from './plan/profile.js';
// Linear classification
export type { LinearData } from './solvers/linear/examples.js';
export { fitLinear } from './solvers/linear/fit.js';
export type { LinearModel } from './solvers/linear/model.js';
export type { LinearOptions } from './solvers/linear/options.js';
export type { LinearProgress } from './solvers/linear/work.js';
// Models and training
export type { Callback, CallbackState, FitContext, MonitorName } from './train/callbacks/callback.js';
export { type EarlyStoppingOptions, earlyStopping } from './train/callbacks/early-stopping.js';
export { csvLog, jsonlLog, type LogOptions } from './train/callbacks/logs.js';
export type { MonitorOptions } from './train/callbacks/monitor.js';
export { type ReduceOnPlateauOptions, reduceOnPlateau } from './train/callbacks/reduce-on-plateau.js';
export { type SaveBestOptions, saveBest } from './train/callbacks/save-best.js';
export { terminateOnNaN } from './train/callbacks/terminate-on-nan.js';
export type { CheckpointOptions } from './train/checkpoint/options.js';
export { type Device, type DeviceInfo, type DeviceOptions, devices, type ModelPrecision } from './train/device.js';
export type { Evaluation } from './train/evaluate.js';
export type { FitRun, KeptRun } from './train/kept-run.js';
export { type LoadWeightsOptions, loadWeights } from './train/load-weights.js';
export { type MemoryUse, memory } from './train/memory.js';
export type { EvaluationMetric } from './train/metrics/evaluation.js';
export * as metrics from './train/metrics/public.js';
export type {
  GradientDescentOptions,
  IterationRecord,
  LbfgsOptions,
  MinimizeFigures,
  MinimizeMethod,
  MinimizeOptions,
  MinimizeProgress,
  MinimizeRun,
  Minimum,
  NewtonCgOptions,
} from './train/minimize-options.js';
export {
  loadModel,
  Model,
  type ModelOptions,
  model,
  type SequentialOptions,
  sequential,
} from './train/model.js';
export { fromOnnx, toOnnx } from './train/onnx.js';
export type { EvaluateOptions, FitOptions, Metric } from './train/options.js';
export type { PredictOptions } from './train/predict.js';
export type { ProfileOption } from './train/profile.js';
export type { BatchRecord, EpochRecord, FitFigures, FitRecord, History, Progress } from './train/records.js';
export type { Run, RunState } from './train/run.js';
export type { ModelConfig } from './train/saved.js';
export type { StopSignal } from './train/signals.js';
export type { PlanDescription, PlanOptions } from './train/step-plan.js';
export { type TensorBoardLog, tensorBoard } from './train/tensorboard.js';
export type { Weights } from './train/weights.js';
