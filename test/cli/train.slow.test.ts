/** `steepest train`: what it prints, and the codes it ends with. Runs inside the test, on the reference, on few images. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeIdx } from '../../lib/data/idx.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { loadModel, sequential } from '../../lib/train/model.js';
import { FakeIo, runCommand } from '../helpers/fake-io.js';
import { jpeg } from '../helpers/jpeg.js';
import { temporaryFolder } from '../helpers/temporary.js';

const dir = temporaryFolder('train');

const few = ['train', '--model', 'mlp', '--device', 'reference', '--limit', '40', '--batch', '20'];

describe('train --json', () => {
  it('prints start, each epoch and done, one object a line and nothing else', async () => {
    const { code, io } = await runCommand([...few, '--epochs', '2', '--json']);
    expect(code).toBe(0);
    expect(io.stderr).toBe('');
    expect(io.lines.map((line) => line.event)).toEqual(['start', 'epoch', 'epoch', 'done']);
    const [start, first, second, done] = io.lines;
    expect(start).toEqual({ event: 'start', device: 'reference', parameters: 669_706 });
    const fields = [
      ...['event', 'epoch', 'trainLoss', 'trainAccuracy', 'testLoss', 'testAccuracy'],
      ...['learningRate', 'seconds', 'imagesPerSecond'],
    ];
    for (const line of [first!, second!, done!]) {
      expect(Object.keys(line)).toEqual(fields);
      for (const field of fields.slice(1)) expect(line[field], field).toEqual(expect.any(Number));
    }
    expect([first!.epoch, second!.epoch]).toEqual([1, 2]);
    expect(second!.trainLoss).toBeLessThan(first!.trainLoss as number);
    expect({ ...done, event: 'epoch' }).toEqual(second);
  });

  it('gives the same losses for the same seed and others for another', async () => {
    const losses = async (seed: string) =>
      (await runCommand([...few, '--epochs', '1', '--json', '--seed', seed])).io.lines[1]!.trainLoss;
    const [a, b, c] = [await losses('1'), await losses('1'), await losses('2')];
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  it('heeds what watches the epochs, weights of classes and batches an update', async () => {
    const csv = join(dir, 'run.csv');
    const best = join(dir, 'best');
    const watched = ['--early-stopping', '1', '--lr', '5', '--optimizer', 'sgd', '--csv', csv, '--save-best', best];
    const { code, io } = await runCommand([...few, '--epochs', '20', '--json', ...watched]);
    expect(code).toBe(0);
    expect(io.lines.at(-1)).toMatchObject({ event: 'done', reason: 'earlyStopping' });
    const epochs = io.lines.length - 2;
    expect(epochs).toBeLessThan(20);
    expect(readFileSync(csv, 'utf8').trim().split('\n')).toHaveLength(1 + epochs);
    expect((await loadModel(join(best, 'epoch-0001.safetensors'))).inputShape).toEqual([28, 28, 1]);
    const loss = async (...args: string[]) =>
      (await runCommand([...few, '--limit', '33', '--epochs', '2', '--json', ...args])).io.lines[2]!.trainLoss;
    const seen = [
      ...[await loss(), await loss('--accumulate', '2'), await loss('--class-weights', 'balanced')],
      ...[await loss('--no-shuffle'), await loss('--drop-remainder')],
    ];
    expect(new Set(seen).size).toBe(5);
  });

  it('heeds the optimizer and its rate', async () => {
    const loss = async (...args: string[]) =>
      (await runCommand([...few, '--epochs', '1', '--json', ...args])).io.lines[1]!.trainLoss;
    const seen = [
      await loss('--optimizer', 'sgd', '--lr', '1e-9'),
      await loss('--optimizer', 'sgd', '--lr', '0.1'),
      await loss(),
    ];
    expect(new Set(seen).size).toBe(3);
  });
});

describe('train --schedule, --beta1, --beta2', () => {
  const loss = async (...args: string[]) =>
    (await runCommand([...few, '--limit', '33', '--epochs', '2', '--json', ...args])).io.lines[2]!.trainLoss;

  it('change the updates', async () => {
    const seen = [
      await loss(),
      await loss('--schedule', 'one-cycle'),
      await loss('--schedule', 'cosine'),
      await loss('--beta1', '0.5'),
      await loss('--beta2', '0.5', '--optimizer', 'adamw'),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    expect(await loss('--schedule', 'constant', '--beta1', '0.9')).toBe(seen[0]);
  });

  it('one-cycle spans the run: it begins at lr / 25', async () => {
    const sgd = ['--optimizer', 'sgd', '--batch', '40', '--epochs', '2', '--json'];
    const losses = async (...args: string[]) => (await runCommand([...few, ...sgd, ...args])).io.lines[2]!.trainLoss;
    // Two updates: with pctStart 0.3 the peak is the first.
    expect(await losses('--lr', '0.1', '--schedule', 'one-cycle')).toBe(await losses('--lr', '0.1'));
  });
});

describe('train --target-accuracy', () => {
  it('stops where the test accuracy reaches the target, and tells the time of training until then', async () => {
    const { code, io } = await runCommand([...few, '--epochs', '9', '--json', '--target-accuracy', '0.05']);
    expect(code).toBe(0);
    expect(io.lines.map((line) => line.event)).toEqual(['start', 'epoch', 'target', 'done']);
    const [, first, target, done] = io.lines;
    const { testAccuracy, seconds } = first!;
    expect(target).toEqual({ event: 'target', accuracy: testAccuracy, trainSeconds: seconds, epoch: 1 });
    expect(done).not.toHaveProperty('stopped');
    const { io: people } = await runCommand([...few, '--epochs', '9', '--target-accuracy', '0.05']);
    expect(people.stdout).toMatch(
      /\ntest accuracy 0\.\d{4} after [\d.]+ s of training, in epoch 1\nended after epoch 1: targetAccuracy\n$/,
    );
  });

  it('trains on where it is not reached, and says so', async () => {
    const { code, io } = await runCommand([...few, '--epochs', '2', '--json', '--target-accuracy', '1']);
    expect(code).toBe(0);
    expect(io.lines.map((line) => line.event)).toEqual(['start', 'epoch', 'epoch', 'done']);
    expect(io.stderr).toMatch(/^test accuracy 1 was not reached\n$/);
  });
});

describe('train', () => {
  it('prints a line for what is trained and one for each epoch', async () => {
    const { code, io } = await runCommand([...few, '--epochs', '2']);
    expect(code).toBe(0);
    const lines = io.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^mlp on digits: 669,706 parameters, 40 images, 40 for the test; .*reference/);
    expect(lines[2]).toMatch(
      /^epoch 2\/2: train loss [\d.]+, test loss [\d.]+, test accuracy [\d.]+, [\d.]+ s, [\d,]+ images\/s$/,
    );
  });

  it('puts a border round images that a network finds too small, and says so', async () => {
    const { code, io } = await runCommand([
      'train',
      '--model',
      'cnn4',
      '--device',
      'reference',
      '--limit',
      '4',
      '--batch',
      '4',
      '--epochs',
      '1',
      '--json',
    ]);
    expect(code).toBe(0);
    expect(io.stderr).toMatch(/cnn4 takes images of 32 x 32 x 1: a border of 2 zeros is put round 28 x 28 x 1/);
    expect(io.lines.map((line) => line.event)).toEqual(['start', 'epoch', 'done']);
  });

  it.each(['mnist', 'fashion'])('reads --data %s from a folder', async (data) => {
    const images = writeIdx({ shape: [20, 28, 28], data: new Uint8Array(20 * 784) });
    const labels = writeIdx({ shape: [20], data: new Uint8Array(20) });
    for (const part of ['train', 't10k']) {
      writeFileSync(join(dir, `${part}-images-idx3-ubyte`), images);
      writeFileSync(join(dir, `${part}-labels-idx1-ubyte`), labels);
    }
    const { code, io } = await runCommand([...few, '--data', data, '--data-dir', dir, '--epochs', '1']);
    expect(code).toBe(0);
    expect(io.stdout).toContain(`mlp on ${data}: `);
    expect(io.stdout).toMatch(/ 20 images, 20 for the test/);
  });

  it("reads CIFAR-100's binary files", async () => {
    for (const part of ['train', 'test']) writeFileSync(join(dir, `${part}.bin`), new Uint8Array(20 * 3074));
    const { code, io } = await runCommand([...few, '--data', 'cifar100', '--data-dir', dir, '--epochs', '1']);
    expect(code).toBe(0);
    expect(io.stdout).toMatch(/mlp on cifar100: 1,887,332 parameters, 20 images, 20 for the test/);
  });

  describe('--data cifar10', () => {
    const images = join(dir, 'images');
    for (const part of ['train', 'test'])
      for (const [i, name] of ['black', 'grey', 'white'].entries()) {
        mkdirSync(join(images, part, name), { recursive: true });
        for (let k = 0; k < 20; k++) writeFileSync(join(images, part, name, `${k}.jpg`), jpeg([i * 120 + (k % 10)]));
      }
    const cifar10 = ['train', '--data', 'cifar10', '--data-dir', images, '--model', 'mlp', '--device', 'reference'];

    it('learns from folders of JPEG files, and is measured with them', async () => {
      const { code, io } = await runCommand([...cifar10, '--batch', '5', '--epochs', '4', '--json']);
      expect(io.stderr).toMatch(/a border of 10 zeros is put round 8 x 8 x 1/);
      expect(code).toBe(0);
      expect(io.lines.at(-1)!.testAccuracy).toBeGreaterThan(0.6);
    });

    it('takes evenly from all classes with --limit', async () => {
      const { io } = await runCommand([...cifar10, '--limit', '6', '--epochs', '1']);
      expect(io.stdout).toMatch(/mlp on cifar10: 666,115 parameters, 6 images, 6 for the test/); // three outputs
    });

    it('stops at SIGINT while it reads', async () => {
      const io = new FakeIo();
      const running = runCommand([...cifar10, '--epochs', '1'], io);
      while (io.interrupt === undefined) await new Promise(setImmediate);
      io.interrupt();
      expect((await running).code).toBe(130);
      expect(io.stdout).toBe('stopped before the first step ended\n');
    });

    it('names a broken file', async () => {
      writeFileSync(join(images, 'test', 'grey', 'odd.jpg'), 'no image');
      const { code, io } = await runCommand([...cifar10, '--epochs', '1']);
      expect(code).toBe(1);
      expect(io.stderr).toMatch(/^error: ERR_FORMAT: imageFolder: .*odd\.jpg: expected a JPEG or PNG image/);
    });
  });

  it('stops at SIGINT after the step in flight, says what was reached and ends with 130', async () => {
    for (const json of [[], ['--json']]) {
      const io = new FakeIo();
      const out = io.out.bind(io);
      io.out = (text) => {
        out(text);
        if (/epoch 1|"epoch":1/.test(text)) io.interrupt?.();
      };
      const { code } = await runCommand([...few, '--epochs', '500', ...json], io);
      expect(code).toBe(130);
      expect(io.interrupt).toBeUndefined();
      if (json.length > 0)
        expect(io.lines.at(-1)).toMatchObject({ event: 'done', epoch: expect.any(Number), stopped: true });
      else expect(io.stdout).toMatch(/stopped (in epoch \d+ after \d+ steps of it|after epoch \d+)\n$/);
    }
  });

  it('writes a profile and its table, on standard error; where it cannot, before training', async () => {
    const file = join(dir, 'trace.json');
    const { code, io } = await runCommand([...few, '--epochs', '2', '--json', '--profile', file]);
    expect(code).toBe(0);
    expect(io.lines).toHaveLength(4);
    expect(io.stderr).toMatch(
      /^profile of 4 steps: \d+ events; .*\nkernel +layer +calls +ms +share +GFLOP\/s +GB\/s\n/,
    );
    expect(io.stderr).toMatch(/\ngemm +dense_1 +\d+ +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+\n/);
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8'));
    expect(traceEvents.filter((event: { cat?: string }) => event.cat === 'step')).toHaveLength(4);
    const failed = await runCommand([...few, '--json', '--profile', join(dir, 'none', 'trace.json')]);
    expect(failed.code).toBe(1);
    expect(failed.io.stderr).toMatch(/^error: ERR_FILE: fit: .*none.*trace.json' gave ENOENT\n$/);
    expect(failed.io.lines.map((line) => line.event)).toEqual(['start']);
  });

  it('ends with 1 and one line that has the code when the run fails', async () => {
    const none = join(dir, 'none');
    const { code, io } = await runCommand([...few, '--data', 'mnist', '--data-dir', none, '--json']);
    expect(code).toBe(1);
    expect(io.stdout).toBe('');
    expect(io.stderr).toMatch(/^error: ERR_FORMAT: mnist: .*none.*\n$/);
    expect(io.stderr.split('\n')).toHaveLength(2);
  });

  it.each([
    [
      ['train', '--model', 'resnet'],
      /model.*'resnet' is invalid. Allowed choices are mlp, lenet, mnist-fast, cnn4, vgg11, resnet18/,
    ],
    [['train', '--device', 'gpu'], /'gpu' is invalid/],
    [['train', '--data', 'cifar'], /'cifar' is invalid/],
    [['train', '--data', 'cifar10'], /--data cifar10 needs --data-dir DIR/],
    [['train', '--optimizer', 'adamm'], /'adamm' is invalid/],
    [['train', '--precision', 'fp16'], /'fp16' is invalid. Allowed choices are fp32, strict, tf32, bf16/],
    [['train', '--epochs', '0'], /Expected a whole number >= 1/],
    [['train', '--epochs', '1.5'], /Expected a whole number >= 1/],
    [['train', '--batch', '-3'], /Expected a whole number >= 1/],
    [['train', '--batch', 'many'], /Expected a whole number >= 1/],
    [['train', '--lr', 'NaN'], /Expected a number > 0/],
    [['train', '--lr', '0'], /Expected a number > 0/],
    [['train', '--target-accuracy', '0'], /Expected a number > 0/],
    [['train', '--target-accuracy', '99'], /Expected a number > 0 and at most 1/],
    [['train', '--beta1', '1'], /Expected a number in \[0, 1\)/],
    [['train', '--beta2', '0.9', '--optimizer', 'sgd'], /--beta2 is for --optimizer adam and adamw/],
    [['train', '--schedule', 'onecycle'], /'onecycle' is invalid. Allowed choices are constant, cosine, one-cycle/],
    [['train', '--threads', '0'], /Expected a whole number >= 1/],
    [['train', '--epcohs', '3'], /unknown option '--epcohs'.*\(Did you mean --epochs\?\)/s],
    [['train', 'now'], /too many arguments/],
    [['train', '--data', 'mnist'], /--data mnist needs --data-dir DIR/],
    [['train', '--data-dir', 'x'], /--data-dir is for --data mnist, fashion, cifar10, cifar100 and folder/],
    [['trian'], /unknown command 'trian'.*\(Did you mean train\?\)/s],
    [[], /Usage: steepest/],
  ])('ends with 2 and says why on wrong usage: %j', async (args, message) => {
    const { code, io } = await runCommand(args);
    expect(code).toBe(2);
    expect(io.stdout).toBe('');
    expect(io.stderr).toMatch(message);
  });

  it('shows help and the version with code 0', async () => {
    const help = await runCommand(['train', '--help']);
    expect(help.code).toBe(0);
    expect(help.io.stdout).toMatch(/Usage: steepest train/);
    const version = await runCommand(['--version']);
    expect(version.code).toBe(0);
    expect(version.io.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('train --save and --load', () => {
  const saved = join(dir, 'net.safetensors');

  it('goes on where it was', async () => {
    const first = await runCommand([...few, '--epochs', '2', '--save', saved]);
    expect([first.code, first.io.stderr]).toEqual([0, expect.stringContaining(`saved to ${saved}`)]);
    const [, , epoch] = (await runCommand([...few, '--epochs', '2', '--json'])).io.lines;
    const on = ['train', '--load', saved, ...few.slice(3), '--epochs', '1', '--json'];
    const second = await runCommand([...on, '--optimizer', 'sgd', '--lr', '1e-12']);
    expect(second.code).toBe(0);
    expect(second.io.lines[1]!.testLoss).toBeCloseTo(epoch!.testLoss as number, 5);
    expect((await loadModel(saved)).parameterCount).toBe(669_706);
  });

  it('refuses other images, other networks beside it, and a place that is not there', async () => {
    const images = sequential({ inputShape: [5, 5, 1], device: 'reference' }, [flatten(), dense({ units: 10 })]);
    await images.save(join(dir, 'small.safetensors'));
    const other = await runCommand([
      'train',
      '--load',
      join(dir, 'small.safetensors'),
      '--device',
      'reference',
      '--limit',
      '9',
    ]);
    expect([other.code, other.io.stderr]).toEqual([
      2,
      expect.stringContaining('is for images of 5 x 5 x 1 in 10 classes'),
    ]);
    expect((await runCommand(['train', '--load', saved, '--model', 'mlp'])).code).toBe(2);
    const nowhere = await runCommand([...few, '--save', join(dir, 'none', 'net.safetensors')]);
    expect([nowhere.code, nowhere.io.stdout]).toEqual([1, '']);
    expect(nowhere.io.stderr).toContain('ERR_FILE: train: expected a file to write for --save but');
  });
});
