/** The reference kernels by name: the definition of what every backend computes. A kernel of kernels.def without one does not compile. */
import type { KernelName } from '../kernels.js';
import { accuracyForward } from './accuracy.js';
import { adagradStep } from './adagrad.js';
import { adamStep } from './adam.js';
import { addForward } from './add.js';
import type { Args } from './args.js';
import { averagePool2dBackward, averagePool2dForward } from './average-pool2d.js';
import {
  batchNormAffine,
  batchNormAverage,
  batchNormBackward,
  batchNormForward,
  batchNormInference,
} from './batch-norm.js';
import { biasBackward, biasForward } from './bias.js';
import { clipNorm } from './clip-norm.js';
import { conv2dBackwardFilter, conv2dBackwardInput, conv2dForward } from './conv2d.js';
import { copyForward } from './copy.js';
import { dropoutForward } from './dropout.js';
import { gatherBytes, gatherLabels, gatherRows } from './gather.js';
import { gemm } from './gemm.js';
import { globalAveragePool2dBackward, globalAveragePool2dForward } from './global-average-pool2d.js';
import { hingeBackward, hingeForward } from './hinge.js';
import { im2colBackward, im2colForward } from './im2col.js';
import { l1NormBackward, l1NormForward } from './l1-norm.js';
import { logSoftmaxBackward, logSoftmaxForward } from './log-softmax.js';
import { logisticBackward, logisticForward } from './logistic.js';
import { maxPool2dBackward, maxPool2dForward, maxPool2dSelect } from './max-pool2d.js';
import { meanBackward, meanForward } from './mean.js';
import { momentumStep } from './momentum.js';
import { mulForward } from './mul.js';
import { nesterovStep } from './nesterov.js';
import { oneHotForward } from './one-hot.js';
import { randomUniform } from './random-uniform.js';
import { reluBackward, reluForward } from './relu.js';
import { rmspropStep } from './rmsprop.js';
import { scaleForward } from './scale.js';
import { sgdStep } from './sgd.js';
import { sigmoidBackward, sigmoidForward } from './sigmoid.js';
import { softmaxBackward, softmaxForward } from './softmax.js';
import { softmaxCrossEntropyBackward, softmaxCrossEntropyForward } from './softmax-cross-entropy.js';
import { squaredErrorBackward, squaredErrorForward } from './squared-error.js';
import { squaredNormBackward, squaredNormForward } from './squared-norm.js';
import { stochasticPool2dExpected, stochasticPool2dForward } from './stochastic-pool2d.js';
import { subForward } from './sub.js';
import { sumBackward, sumForward } from './sum.js';
import { tanhBackward, tanhForward } from './tanh.js';
import { winogradFilterForward } from './winograd-filter.js';
import { zeroPad2dBackward, zeroPad2dForward } from './zero-pad2d.js';

export const referenceKernels: { readonly [K in KernelName]: (args: Args<K>) => void } = {
  gemm,
  bias_forward: biasForward,
  bias_backward: biasBackward,
  im2col_forward: im2colForward,
  im2col_backward: im2colBackward,
  conv2d_forward: conv2dForward,
  conv2d_backward_input: conv2dBackwardInput,
  conv2d_backward_filter: conv2dBackwardFilter,
  winograd_filter_forward: winogradFilterForward,
  zero_pad2d_forward: zeroPad2dForward,
  zero_pad2d_backward: zeroPad2dBackward,
  max_pool2d_forward: maxPool2dForward,
  max_pool2d_backward: maxPool2dBackward,
  max_pool2d_select: maxPool2dSelect,
  average_pool2d_forward: averagePool2dForward,
  average_pool2d_backward: averagePool2dBackward,
  global_average_pool2d_forward: globalAveragePool2dForward,
  global_average_pool2d_backward: globalAveragePool2dBackward,
  stochastic_pool2d_forward: stochasticPool2dForward,
  stochastic_pool2d_expected: stochasticPool2dExpected,
  relu_forward: reluForward,
  relu_backward: reluBackward,
  sigmoid_forward: sigmoidForward,
  sigmoid_backward: sigmoidBackward,
  tanh_forward: tanhForward,
  tanh_backward: tanhBackward,
  softmax_forward: softmaxForward,
  softmax_backward: softmaxBackward,
  log_softmax_forward: logSoftmaxForward,
  log_softmax_backward: logSoftmaxBackward,
  batch_norm_forward: batchNormForward,
  batch_norm_inference: batchNormInference,
  batch_norm_affine: batchNormAffine,
  batch_norm_backward: batchNormBackward,
  batch_norm_average: batchNormAverage,
  copy_forward: copyForward,
  add_forward: addForward,
  sub_forward: subForward,
  mul_forward: mulForward,
  scale_forward: scaleForward,
  sum_forward: sumForward,
  sum_backward: sumBackward,
  mean_forward: meanForward,
  mean_backward: meanBackward,
  squared_norm_forward: squaredNormForward,
  squared_norm_backward: squaredNormBackward,
  l1_norm_forward: l1NormForward,
  l1_norm_backward: l1NormBackward,
  dropout_forward: dropoutForward,
  random_uniform: randomUniform,
  squared_error_forward: squaredErrorForward,
  squared_error_backward: squaredErrorBackward,
  softmax_cross_entropy_forward: softmaxCrossEntropyForward,
  softmax_cross_entropy_backward: softmaxCrossEntropyBackward,
  hinge_forward: hingeForward,
  hinge_backward: hingeBackward,
  logistic_forward: logisticForward,
  logistic_backward: logisticBackward,
  one_hot_forward: oneHotForward,
  accuracy_forward: accuracyForward,
  gather_rows: gatherRows,
  gather_bytes: gatherBytes,
  gather_labels: gatherLabels,
  clip_norm: clipNorm,
  sgd_step: sgdStep,
  momentum_step: momentumStep,
  nesterov_step: nesterovStep,
  adagrad_step: adagradStep,
  rmsprop_step: rmspropStep,
  adam_step: adamStep,
};
