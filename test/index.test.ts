import { describe, expect, test } from 'vitest';
import * as steepest from '../lib/index.js';

describe('the public API', () => {
  test('has everything a user builds with', () => {
    const names = [
      ...[
        'sequential',
        'model',
        'Model',
        'loadModel',
        'input',
        'connect',
        'grad',
        'valueAndGrad',
        'vjp',
        'jvp',
        'gradCheck',
        'hvp',
        'gaussNewtonProduct',
        'compute',
        'kernels',
        'ops',
        'SteepestError',
      ],
      ...[
        'conv2d',
        'dense',
        'devices',
        'memory',
        'zeroPadding2d',
        'maxPool2d',
        'averagePool2d',
        'globalAveragePool2d',
        'stochasticPool2d',
        'batchNorm',
        'dropout',
        'flatten',
        'add',
        'residual',
      ],
      ...['relu', 'sigmoid', 'tanh', 'softmax', 'squaredError', 'softmaxCrossEntropy', 'hinge', 'logistic'],
      ...['sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam', 'adamw', 'schedules', 'initializers'],
      ...['mlp', 'lenet', 'cnn4', 'vgg11', 'resnet18', 'digits', 'mnist', 'readIdx', 'writeIdx'],
      ...['cifar10', 'cifar100', 'imageFolder', 'mnistFast', 'readMat', 'simplennData', 'readSimplennConfig'],
      ...['earlyStopping', 'reduceOnPlateau', 'terminateOnNaN', 'saveBest', 'csvLog', 'jsonlLog'],
      ...[
        'fitLinear',
        'readCsv',
        'readLibsvm',
        'pipeline',
        'split',
        'subset',
        'augment',
        'imageFiles',
        'fetchDataset',
        'metrics',
        'tensorBoard',
      ],
      ...[
        'readSafetensors',
        'encodeSafetensors',
        'readNpy',
        'encodeNpy',
        'readNpz',
        'encodeNpz',
        'toOnnx',
        'fromOnnx',
        'loadWeights',
      ],
    ];
    expect(Object.keys(steepest).sort()).toEqual(names.sort());
  });

  test('computes gradients of graphs of ops', async () => {
    const { ops, grad, compute } = steepest;
    const x = ops.input('x', [3]);
    const [dx] = grad(ops.sum(ops.mul(x, ops.relu(x))), [x]);
    expect([...(await compute([dx!], [[x, [-1, 2, 3]]]))[0]!]).toEqual([0, 4, 6]);
  });
});
