import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as steepest from '../lib/index.js';

const root = join(__dirname, '..');

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

  test.skipIf(!existsSync(join(root, 'dist', 'index.mjs')))('is the same for require and import', () => {
    const source = `
      const required = require('steepest');
      import('steepest').then((imported) => {
        const names = Object.keys(required);
        console.log(names.length > 30, names.every((name) => imported[name] === required[name]));
      });`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', source], { cwd: root, encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['true true\n', '']);
  });
});
