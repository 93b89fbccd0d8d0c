import { expect, test } from 'vitest';
import { denseSizes, readOptions, usualBatch } from '../../../bench/peers/options.js';

test('defaults', () => {
  expect(readOptions([])).toEqual({
    models: ['mlp', 'lenet', 'cnn4', 'vgg11'],
    modes: ['train'],
    threads: 2,
    python: 'python3',
    variants: ['nchw', 'channels_last', 'compile'],
    malloc: 'keep',
    tfjs: undefined,
    memory: false,
    repeats: 15,
    steps: 0,
    batch: 0,
    device: 'cpu',
    precision: 'fp32',
    torchDevice: 'cpu',
    json: false,
    write: false,
  });
});

test('what is given', () => {
  const line =
    '--models lenet,784-32-10 --threads 1 --mode train,infer --python /opt/p --variants channels_last+compile';
  expect(readOptions(`${line} --repeats 3 --tfjs DIR --json --write`.split(' '))).toMatchObject({
    models: ['lenet', '784-32-10'],
    threads: 1,
    modes: ['train', 'infer'],
    python: '/opt/p',
    variants: ['channels_last+compile'],
    repeats: 3,
    tfjs: 'DIR',
    json: true,
    write: true,
  });
});

test('on a GPU: PyTorch on the same one, its variants, one thread', () => {
  expect(readOptions('--device cuda:1 --precision tf32 --threads 4 --write'.split(' '))).toMatchObject({
    ...{ device: 'cuda:1', precision: 'tf32', torchDevice: 'cuda:1', threads: 1, write: true },
    variants: ['nchw', 'channels_last', 'channels_last+compile', 'channels_last+graph', 'channels_last+compile+graph'],
  });
  expect(readOptions(['--device', 'cuda', '--torch-device', 'cpu', '--variants', 'graph'])).toMatchObject({
    ...{ device: 'cuda', precision: 'fp32', torchDevice: 'cpu', variants: ['graph'] },
  });
});

test('tiny stands for three networks', () => {
  expect(readOptions(['--models', 'tiny,mlp', '--memory'])).toMatchObject({
    models: ['2-8-1', '4-16-3', '784-32-10', 'mlp'],
    memory: true,
  });
});

test.each([
  ['--threads 0', /--threads: expected a whole number >= 1 but received '0'/],
  ['--repeats x', /--repeats: expected a whole number >= 1 but received 'x'/],
  ['--steps 1.5', /--steps/],
  ['--mode learn', /--mode: expected one of train, infer but received 'learn'/],
  ['--variants nchw+fast', /--variants: expected one of .* but received 'fast'/],
  ['--models lenet,', /--models: expected names by comma/],
  ['--device gpu', /--device: expected one of cpu, reference, cuda, cuda:N but received 'gpu'/],
  ['--device cuda:x', /--device/],
  ['--precision tf32', /--precision: tf32 needs --device cuda/],
  ['--device cuda --precision fp16', /--precision: expected one of fp32, tf32, bf16 but received 'fp16'/],
  ['--device cuda --memory', /--memory: not with --device cuda/],
  ['--device cuda --tfjs auto', /--tfjs: not with --device cuda/],
  ['--device cuda --torch-device cpu --write', /--write: not with --torch-device/],
  ['--torch-device cuda', /--torch-device: expected one of cpu but received 'cuda'/],
  ['--variants channels_last+graph', /--variants: graph, a CUDA graph, needs --device cuda/],
  ['--malloc more', /--malloc/],
])('%s is refused', (line, message) => {
  expect(() => readOptions(line.split(' '))).toThrow(message);
  expect(() => readOptions(line.split(' '))).toThrow(RangeError);
});

test('an unknown option is refused', () => {
  expect(() => readOptions(['--speed', '3'])).toThrow(/--speed/);
});

test('sizes of a fully-connected network, and usual batches', () => {
  expect(denseSizes('784-32-10')).toEqual([784, 32, 10]);
  for (const name of ['lenet', '784', '0-2', '2-', '2--3', 'a-2']) expect(denseSizes(name)).toBeUndefined();
  expect(['lenet', 'vgg11', '2-8-1', '4-16-3', '784-32-10'].map(usualBatch)).toEqual([128, 64, 4, 16, 32]);
});
