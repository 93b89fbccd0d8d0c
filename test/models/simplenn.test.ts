import { describe, expect, it } from 'vitest';
import { readSimplennConfig } from '../../lib/models/simplenn.js';
import { sequential } from '../../lib/train/model.js';

const demo = `% A network of 3 convolutional layers
L = 4;
LC = 3;
LF = 1

wd_input = [28];   % the last comment
  ht_input=28
ch_input = [1,32, 64 64];
wd_pad_added = [2;1;1];
wd_filter = [5,3,3];
strides = [1,1,1];
wd_subimage_pool = [2,2,2];
full_neurons = [10];
`;
const read = (text: string) => readSimplennConfig(new TextEncoder().encode(text));
/** The demo with one line changed (or, with '', without it). */
const changed = (key: string, line: string) => demo.replace(new RegExp(`^ *${key} *=.*$`, 'm'), line);

describe('a network file of SimpleNN', () => {
  it('is the network of the golden run', async () => {
    const { name, inputShape, classes, layers } = await read(demo);
    expect([name, inputShape, classes]).toEqual(['simplenn', [28, 28, 1], 10]);
    const model = sequential({ inputShape, device: 'reference' }, layers);
    expect(model.weights().map(({ name, shape }) => [name, ...shape].join(' '))).toEqual([
      ...['conv2d_1.weights 5 5 1 32', 'conv2d_1.bias 32', 'conv2d_2.weights 3 3 32 64', 'conv2d_2.bias 64'],
      ...['conv2d_3.weights 3 3 64 64', 'conv2d_3.bias 64', 'dense_1.weights 576 10', 'dense_1.bias 10'],
    ]);
    for (const { kind, options } of layers.filter(({ kind }) => kind === 'conv2d' || kind === 'dense'))
      expect(options).toMatchObject({
        activation: kind === 'dense' ? 'linear' : 'relu',
        weightsInitializer: 'heNormal',
      });
  });

  it('may have lines that end as Windows has them, no pooling, strides, and more layers', async () => {
    const text = [
      ...['L=4', 'LC=2', 'LF=2', 'wd_input=20', 'ht_input=[12]', 'ch_input=[3 8 16]', 'wd_pad_added=[0 2]'],
      ...['wd_filter=[3 5]', 'strides=[2 1]', 'wd_subimage_pool=[1 3]', 'full_neurons=[7 5];', ''],
    ].join('\r\n');
    const { inputShape, classes, layers } = await read(text);
    expect([inputShape, classes]).toEqual([[12, 20, 3], 5]);
    expect(layers.map(({ kind }) => kind)).toEqual(['conv2d', 'conv2d', 'maxPool2d', 'flatten', 'dense', 'dense']);
    expect(layers.map(({ options }) => options)).toMatchObject([
      { filters: 8, kernelSize: 3, strides: 2, padding: 0, activation: 'relu' },
      { filters: 16, kernelSize: 5, strides: 1, padding: 2 },
      { poolSize: 3 },
      {},
      { units: 7, activation: 'relu' },
      { units: 5, activation: 'linear' },
    ]);
    expect(sequential({ inputShape, device: 'reference' }, layers).outputShape).toEqual([5]);
  });

  it('may have no convolutional layer', async () => {
    const { layers } = await read('L=1\nLC=0\nLF=1\nwd_input=4\nht_input=4\nch_input=1\nfull_neurons=2');
    expect(layers.map(({ kind }) => kind)).toEqual(['flatten', 'dense']);
  });

  it.each([
    [changed('L', 'L = system("ls");'), /:2: expected whole numbers >= 1.* for L but received "system\(/],
    [changed('LC', 'LC = 2+1;'), /:3: expected whole numbers >= 0.* for LC but received "2\+1"/],
    [changed('LF', 'LF = 1; delete x'), /:4: .*LF but received "1; delete x"/],
    [changed('LF', '!ls'), /:4: expected 'key = numbers;' but received "!ls"/],
    [changed('strides', 'stride = [1,1,1];'), /:11: unknown key 'stride' \(did you mean 'strides'\?\)/],
    [changed('strides', 'strides = [1,1];'), /:11: expected 3 numbers \(LC = 3, LF = 1\) for strides but received 2/],
    [changed('strides', 'strides = [1,0,1];'), /:11: expected whole numbers >= 1/],
    [changed('strides', 'strides = [1,1.5,1];'), /:11: expected whole numbers/],
    [changed('strides', 'strides = 1 1 1;'), /:11: expected whole numbers/],
    [changed('strides', 'strides = [1,1,1'), /:11: expected whole numbers/],
    [changed('strides', 'strides = ;'), /:11: expected whole numbers/],
    [changed('strides', ''), /: expected the key 'strides'/],
    [changed('strides', 'LC = 3;'), /:11: 'LC' was given before, in line 3/],
    [changed('L', 'L = 5;'), /:2: expected L = LC \+ LF = 4 but received 5/],
    [changed('LF', 'LF = 0;'), /:4: expected whole numbers >= 1/],
    [changed('full_neurons', 'full_neurons = [10, 10];'), /:13: expected 1 numbers/],
    ['', /expected the key 'L', 'LC', 'LF', 'wd_input'/],
  ])('is refused with its line where it is something else: %#', async (text, message) => {
    const error = await read(text).catch((e) => e);
    expect(error).toMatchObject({ code: 'ERR_FORMAT' });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^readSimplennConfig: Uint8Array\(\d+\)/);
  });

  it('is refused in no time, however long its lines and words are', async () => {
    const long = (text: string) => expect(read(text)).rejects.toThrow(/^readSimplennConfig: .{1,500}$/);
    await long(`L =${' '.repeat(1e5)}x`);
    await long(`L = 1${' '.repeat(1e5)}x`);
    await long(`${'L'.repeat(1e6)} = 1`);
    await long(`strides = ${'9'.repeat(1e6)}`);
  });

  it('must be a file', async () => {
    await expect(readSimplennConfig({} as never)).rejects.toThrow(TypeError);
    await expect(readSimplennConfig('/none/such.config')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
