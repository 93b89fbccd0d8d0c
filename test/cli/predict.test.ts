/** `steepest predict` and `evaluate`: what they tell is what the model's own methods find. Runs inside the test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { digits } from '../../lib/data/digits.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { softmax } from '../../lib/layers/softmax.js';
import { sequential } from '../../lib/train/model.js';
import { toOnnx } from '../../lib/train/onnx.js';
import { runCommand } from '../helpers/fake-io.js';
import { jpeg } from '../helpers/jpeg.js';
import { temporaryFolder } from '../helpers/temporary.js';

const dir = temporaryFolder('predict');
const at = (name: string) => join(dir, name);
const run = (...args: string[]) => runCommand([...args, '--device', 'reference']);

/** Scores of three classes for grey images, and probabilities. */
const layers = () => [flatten(), dense({ units: 3 })];
const scores = sequential({ inputShape: [8, 8, 1], seed: 4, device: 'reference' }, layers());
const probabilities = sequential({ inputShape: [8, 8, 1], seed: 4, device: 'reference' }, [...layers(), softmax()]);
const grey = (value: number) => new Uint8Array(64).fill(value);
beforeAll(async () => {
  await scores.save(at('scores.safetensors'));
  writeFileSync(at('probabilities.onnx'), await toOnnx(probabilities));
  writeFileSync(at('dark.jpg'), jpeg([40]));
  writeFileSync(at('light.jpg'), jpeg([200]));
  writeFileSync(at('colour.jpg'), jpeg([120, 128, 128]));
  writeFileSync(at('small.jpg'), jpeg([40], 4, 4));
});

describe('predict', () => {
  it.each(['scores.safetensors', 'probabilities.onnx'])('tells the classes of images: %s', async (file) => {
    const files = [at('dark.jpg'), at('light.jpg'), at('colour.jpg')];
    const { code, io } = await run('predict', '--model', at(file), '--top', '3', '--json', ...files);
    expect([code, io.stderr]).toEqual([0, '']);
    const wanted = await probabilities.predict(Uint8Array.from([40, 200, 120].flatMap((v) => [...grey(v)])));
    for (const [i, line] of io.lines.entries()) {
      expect(line).toMatchObject({ event: 'prediction', file: files[i] });
      const row = Array.from(wanted.subarray(3 * i, 3 * i + 3));
      const classes = line.classes as { label: string; probability: number }[];
      expect(classes.map(({ label }) => Number(label))).toEqual([0, 1, 2].sort((a, b) => row[b]! - row[a]!));
      for (const { label, probability } of classes) expect(probability).toBeCloseTo(row[Number(label)]!, 5);
      expect([line.label, line.probability]).toEqual([classes[0]!.label, classes[0]!.probability]);
    }
  });

  it('names classes', async () => {
    const [best] = await scores.predictClasses(grey(40));
    const { io } = await run('predict', '--model', at('scores.safetensors'), '--classes', 'a,b,c', at('dark.jpg'));
    expect(io.stdout).toMatch(new RegExp(`^${at('dark.jpg')}: ${'abc'[best!]} 0\\.\\d{4}\n$`));
    for (const name of 'abc') mkdirSync(at(`classes/${name}`), { recursive: true });
    const folder = await run(
      'predict',
      '--model',
      at('scores.safetensors'),
      '--classes',
      at('classes'),
      at('dark.jpg'),
    );
    expect(folder.io.stdout).toBe(io.stdout);
  });

  it.each([
    [['small.jpg'], 1, /small\.jpg: the model takes images of 8 x 8 but this one is 4 x 4/],
    [['none.jpg'], 1, /none\.jpg: expected an image but could not read it/],
    [['--classes', 'a,b', 'dark.jpg'], 2, /--classes: the model has 3 classes but there are 2 names/],
  ])('refuses %j', async (args, status, message) => {
    const files = args.map((arg) => (arg.endsWith('.jpg') ? at(arg) : arg));
    const { code, io } = await run('predict', '--model', at('scores.safetensors'), ...files);
    expect([code, io.stdout]).toEqual([status, '']);
    expect(io.stderr).toMatch(message);
  });
});

describe('evaluate', () => {
  const net = sequential({ inputShape: [28, 28, 1], seed: 1, device: 'reference' }, [flatten(), dense({ units: 10 })]);
  beforeAll(() => net.save(at('digits.safetensors')));

  it('tells loss, accuracy and the scores of classes', async () => {
    const { code, io } = await run(
      'evaluate',
      '--model',
      at('digits.safetensors'),
      '--limit',
      '50',
      '--by-class',
      '--json',
    );
    expect([code, io.stderr]).toEqual([0, '']);
    const { rows, ...wanted } = await net.evaluate(digits({ count: 50, seed: 1, split: 'test' }), {
      metrics: ['loss', 'accuracy', 'confusionMatrix'],
    });
    const [line] = io.lines;
    expect(line).toMatchObject({ event: 'evaluation', images: rows, ...wanted });
    expect(line!.classes).toHaveLength(10);
  });

  it('refuses a model of other images', async () => {
    const { code, io } = await run('evaluate', '--model', at('scores.safetensors'), '--limit', '10');
    expect(code).toBe(2);
    expect(io.stderr).toMatch(
      /scores\.safetensors is for images of 8 x 8 x 1 in 3 classes, but digits has images of 28 x 28 x 1 in 10/,
    );
  });
});
