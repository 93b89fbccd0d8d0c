/** A layer of each kind, with options that are not the defaults: for tests that must know them all. */
import { add } from '../../lib/layers/add.js';
import { averagePool2d } from '../../lib/layers/average-pool2d.js';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { flatten } from '../../lib/layers/flatten.js';
import { globalAveragePool2d } from '../../lib/layers/global-average-pool2d.js';
import { connect, input, type LayerGraph } from '../../lib/layers/graph.js';
import type { AnyLayer } from '../../lib/layers/layer.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import type { LayerKind } from '../../lib/layers/registry.js';
import { relu } from '../../lib/layers/relu.js';
import { residual } from '../../lib/layers/residual.js';
import { sigmoid } from '../../lib/layers/sigmoid.js';
import { softmax } from '../../lib/layers/softmax.js';
import { stochasticPool2d } from '../../lib/layers/stochastic-pool2d.js';
import { tanh } from '../../lib/layers/tanh.js';
import { zeroPadding2d } from '../../lib/layers/zero-padding2d.js';

export const layerExamples: Record<LayerKind, AnyLayer> = {
  conv2d: conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'tanh', useBias: false }),
  dense: dense({ units: 2, activation: 'relu', biasInitializer: { name: 'constant', value: 0.25 } }),
  batchNorm: batchNorm({ epsilon: 0.001, momentum: 0.99, shift: false, activation: 'relu' }),
  zeroPadding2d: zeroPadding2d({ padding: 3 }),
  maxPool2d: maxPool2d({ poolSize: 3, strides: 1 }),
  averagePool2d: averagePool2d(),
  globalAveragePool2d: globalAveragePool2d(),
  stochasticPool2d: stochasticPool2d({ poolSize: 4 }),
  relu: relu(),
  sigmoid: sigmoid(),
  tanh: tanh(),
  softmax: softmax(),
  dropout: dropout({ rate: 0.3 }),
  flatten: flatten(),
  add: add(),
  residual: residual([conv2d({ filters: 3, kernelSize: 1, strides: 2 }), residual([relu()])], {
    shortcut: [maxPool2d(), conv2d({ filters: 3, kernelSize: 1 })],
    activation: 'tanh',
  }),
};

/** A network of the layer alone, on images [6, 6, 2] (dense: on [6]). */
export function exampleGraph(kind: LayerKind): LayerGraph {
  const inputs = input(kind === 'dense' ? [6] : [6, 6, 2]);
  const from = kind === 'add' ? [inputs, connect(inputs, relu())] : inputs;
  return { inputs, outputs: connect(from, layerExamples[kind]) };
}
