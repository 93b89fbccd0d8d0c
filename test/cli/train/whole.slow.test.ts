/** `steepest train` with whole-data optimizers, SimpleNN's files and its preset. Runs inside the test, on the reference, on few images. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeIo, runCommand } from '../../helpers/fake-io.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const dir = temporaryFolder('train-whole');

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const network = (ht: number, wd: number, channels: number, classes: number) => `% a small network
L = 2;
LC = 1;
LF = 1;
wd_input = [${wd}];
ht_input = [${ht}];
ch_input = [${channels},4];
wd_pad_added = [1];
wd_filter = [3];
strides = [1];
wd_subimage_pool = [2];
full_neurons = [${classes}];
`;
const config = fileOf('digits.config', network(28, 28, 1, 10));
const golden = JSON.parse(readFileSync(join(__dirname, '../../golden/mat.json'), 'utf8'));
const images = fileOf('images.mat', Buffer.from(golden.images, 'base64'));

const run = (args: string[], io?: FakeIo) => runCommand(['train', '--device', 'reference', ...args], io);
const few = ['--config', config, '--limit', '60', '--json'];

describe('train --optimizer', () => {
  it.each([
    ['newton-cg', ['alpha', 'ratio', 'lambda', 'cgSteps', 'actred', 'prered']],
    ['lbfgs', ['alpha']],
    ['gradient-descent', ['alpha']],
  ])('%s prints a line for each iteration', async (name, own) => {
    const { code, io } = await run([
      ...few,
      '--optimizer',
      name,
      '--iterations',
      '2',
      '--loss',
      'squaredError',
      '--C',
      '9',
    ]);
    expect([code, io.stderr]).toEqual([0, '']);
    expect(io.lines.map((line) => line.event)).toEqual(['start', 'iteration', 'iteration', 'iteration', 'done']);
    const [, start, first, second, done] = io.lines;
    expect(Object.keys(second!)).toEqual([
      ...['event', 'iteration', 'objective', 'gradientNorm', ...own, 'testLoss', 'testAccuracy', 'passes'],
      'seconds',
    ]);
    expect([start!.iteration, first!.iteration, second!.iteration]).toEqual([0, 1, 2]);
    expect(second!.objective).toBeLessThan(first!.objective as number);
    expect(done).toEqual({ ...second, event: 'done', reason: 'iterations' });
  });

  it('takes the numbers of a method', async () => {
    const first = async (...args: string[]) => {
      const { io } = await run([...few, '--optimizer', 'newton-cg', '--iterations', '1', ...args]);
      return JSON.stringify({ ...io.lines[2], seconds: 0 });
    };
    const seen = [
      await first(),
      await first('--sample-size', '30'),
      await first('--xi', '0.5'),
      await first('--cg-max', '1'),
      await first('--lambda', '0'),
      await first('--drop', '0.5', '--boost', '2'),
      await first('--C', '1'),
      await first('--loss', 'squaredError'),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    expect(await first('--sample-size', '3', '--eta', '1e-4', '--C', '0.6', '--batch', '1024')).toBe(seen[0]);
  });

  it('tells people: f, |g|, alpha, ratio, lambda, CG steps, actred, prered, accuracy; and why it ended', async () => {
    const { io } = await run(['--config', config, '--limit', '60', '--optimizer', 'newton-cg', '--iterations', '1']);
    const lines = io.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/digits\.config on digits: 7,890 parameters, 60 images, 60 for the test; reference/);
    expect(lines[1]).toMatch(
      /^iteration 0: f [\d.]+, \|g\| [\d.]+, lambda 1, test loss [\d.]+, test accuracy 0\.\d{4}, [\d.]+ s$/,
    );
    expect(lines[2]).toMatch(
      /^iteration 1: f [\d.]+, \|g\| [\d.]+, alpha [\d.]+, ratio -?[\d.]+, lambda [\d.]+, CG \d+, actred -[\d.]+, prered -[\d.]+, test/,
    );
    expect(lines[3]).toBe('ended after iteration 1: all iterations are done');
    const small = ['--config', config, '--limit', '20', '--optimizer', 'gradient-descent'];
    expect((await run([...small, '--tolerance', '1'])).io.stdout).toMatch(
      /ended after iteration 0: the gradient is small/,
    );
  });

  it('stops at SIGINT, with the weights of the last line, and ends with 130', async () => {
    for (const json of [[], ['--json']]) {
      const io = new FakeIo();
      const out = io.out.bind(io);
      io.out = (text) => {
        out(text);
        if (/iteration 1:|"iteration":1/.test(text)) io.interrupt?.();
      };
      const { code } = await run(['--config', config, '--limit', '60', '--optimizer', 'lbfgs', ...json], io);
      expect(code).toBe(130);
      if (json.length > 0) expect(io.lines.at(-1)).toMatchObject({ event: 'done', stopped: true, reason: 'stopped' });
      else expect(io.stdout).toMatch(/\nstopped after iteration \d\n$/);
    }
  });
});

describe('train --preset simplenn', () => {
  it('is squared error, C = 0.01 times the images, centred pixels and newton-cg', async () => {
    const { io } = await run([...few, '--preset', 'simplenn', '--iterations', '1']);
    expect(io.lines[2]).toHaveProperty('cgSteps');
    const explicit = await run([
      ...few,
      '--preset',
      'simplenn',
      '--iterations',
      '1',
      ...['--loss', 'squaredError', '--C', '0.6'],
      '--optimizer',
      'newton-cg',
    ]);
    expect(explicit.io.lines.slice(0, 3).map((line) => ({ ...line, seconds: 0 }))).toEqual(
      io.lines.slice(0, 3).map((line) => ({ ...line, seconds: 0 })),
    );
    const uncentred = await run([
      ...few,
      '--optimizer',
      'newton-cg',
      '--iterations',
      '1',
      ...['--loss', 'squaredError', '--C', '0.6'],
    ]);
    expect(uncentred.io.lines[1]!.objective).not.toBe(io.lines[1]!.objective);
  });

  it('is an objective for the others too', async () => {
    const { io } = await run([...few, '--preset', 'simplenn', '--optimizer', 'sgd', '--lr', '0.001', '--epochs', '1']);
    expect(io.lines.map((line) => line.event)).toEqual(['start', 'epoch', 'done']);
  });
});

describe('train --config', () => {
  const mat = ['--data', 'mat', '--train-file', images, '--test-file', images];

  it('has its network learn from MAT-files', async () => {
    const file = fileOf('images.config', network(2, 3, 2, 3));
    const { code, io } = await run(['--config', file, ...mat, '--optimizer', 'lbfgs', '--iterations', '3', '--json']);
    expect([code, io.stderr]).toEqual([0, '']);
    expect(io.lines[0]).toMatchObject({ event: 'start', parameters: 3 * 3 * 2 * 4 + 4 + 4 * 3 + 3 });
    expect(io.lines[4]!.objective).toBeLessThan(io.lines[1]!.objective as number);
    const turned = await run([
      '--config',
      file,
      ...mat,
      '--optimizer',
      'lbfgs',
      '--iterations',
      '1',
      '--json',
      '--pixel-order',
      'columns',
    ]);
    expect(turned.io.lines[1]!.objective).not.toBe(io.lines[1]!.objective);
  });

  it('says what is wrong in a file, and where', async () => {
    const bad = fileOf('bad.config', network(28, 28, 1, 10).replace('LF = 1', 'LF = rand()'));
    const { code, io } = await run(['--config', bad]);
    expect(code).toBe(1);
    expect(io.stderr).toMatch(/^error: ERR_FORMAT: readSimplennConfig: .*bad\.config:4: expected whole numbers/);
    const missing = await run(['--config', join(dir, 'none')]);
    expect([missing.code, missing.io.stderr]).toEqual([1, expect.stringMatching(/ENOENT/)]);
    const wide = fileOf('wide.config', network(2, 4, 2, 3));
    expect((await run(['--config', wide, ...mat])).io.stderr).toMatch(
      /simplennData: .*rows of 16 values .*received 4 x 12/,
    );
  });

  it.each([
    [['--config', config, '--model', 'mlp'], /'--config <file>' cannot be used with option '--model <name>'/],
    [
      ['--config', fileOf('large.config', network(32, 32, 1, 10))],
      /large.config is for images of 32 x 32 x 1 in 10 classes, but digits has images of 28 x 28 x 1 in 10/,
    ],
    [['--data', 'mat', '--train-file', images], /--data mat needs --train-file FILE and --test-file FILE/],
    [mat, /--data mat needs --config FILE/],
    [['--test-file', images], /--test-file is for --data csv and mat/],
    [['--optimizer', 'newton'], /'newton' is invalid. Allowed choices are sgd, .*, newton-cg, lbfgs, gradient-descent/],
    [
      ['--optimizer', 'lbfgs', '--epochs', '3', '--lr', '1'],
      /--epochs, --lr: not with --optimizer lbfgs, but with those that train by batches/,
    ],
    [['--optimizer', 'lbfgs', '--cg-max', '3'], /--cg-max: not with --optimizer lbfgs, but with newton-cg/],
    [['--iterations', '3'], /--iterations: not with --optimizer adam, but with newton-cg, lbfgs, gradient-descent/],
    [['--optimizer', 'newton-cg', '--lambda', '-1'], /Expected a number in \[0, Infinity\]/],
    [['--preset', 'simple'], /'simple' is invalid. Allowed choices are simplenn/],
  ])('ends with 2 and says why on wrong usage: %j', async (args, message) => {
    const { code, io } = await run(args);
    expect([code, io.stdout]).toEqual([2, '']);
    expect(io.stderr).toMatch(message);
  });
});
