/** `steepest linear`: what it prints, and the codes it ends with. Runs inside the test. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeIo, runCommand } from '../helpers/fake-io.js';
import { temporaryFolder } from '../helpers/temporary.js';

const dir = temporaryFolder('linear');
const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const train = file('train', '+1 1:1 2:0.5\n-1 1:-1\n+1 1:2 3:1\n-1 1:-0.5 2:-1\n');
const test = file('test', '+1 1:1\n-1 1:-1 4:2\n-1 2:1\n');
const three = file('three', '1 1:1\n2 2:1\n3 1:-1 2:-1\n1 1:2\n2 2:2\n');

const run = (args: string[], io?: FakeIo) => runCommand(['linear', ...args], io);

describe('linear --json', () => {
  it('prints start and done, one object a line and nothing else', async () => {
    const { code, io } = await run([
      '--data',
      train,
      '--test',
      test,
      '--loss',
      'hinge',
      '--tolerance',
      '1e-6',
      '--json',
    ]);
    expect([code, io.stderr]).toEqual([0, '']);
    const [start, done, ...more] = io.lines;
    expect(more).toEqual([]);
    expect(start).toEqual({ event: 'start', rows: 4, features: 4, values: 7 });
    expect(done).toMatchObject({
      event: 'done',
      trainAccuracy: 1,
      testAccuracy: 2 / 3,
      converged: true,
      classes: [-1, 1],
    });
    for (const field of ['objective', 'iterations', 'gap', 'seconds']) expect(done![field]).toEqual(expect.any(Number));
    expect(done!.gap).toBeLessThanOrEqual(1e-6);
  });

  it('leaves out the test accuracy without a test', async () => {
    expect((await run(['--data', train, '--json'])).io.lines.at(-1)).not.toHaveProperty('testAccuracy');
  });

  it('heeds the loss, C, the bias, the regulariser and the kind of problem', async () => {
    const objective = async (...args: string[]) =>
      (await run(['--data', three, '--json', '--tolerance', '1e-9', ...args])).io.lines.at(-1)!.objective;
    const seen = [
      await objective(),
      await objective('--C', '2'),
      await objective('--bias'),
      await objective('--l1'),
      await objective('--loss', 'squared-hinge'),
      await objective('--loss', 'squared-hinge', '--l1'),
      await objective('--loss', 'hinge'),
      await objective('--multi-class', 'softmax'),
    ];
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('says so where the iterations were too few', async () => {
    const { code, io } = await run(['--data', train, '--max-iterations', '1', '--tolerance', '1e-9', '--json']);
    expect(code).toBe(0);
    expect(io.lines.at(-1)).toMatchObject({ converged: false, iterations: 1 });
    expect(io.stderr).toMatch(/^stopped before the tolerance was reached: the objective is known to \d/);
  });

  it('ends with 130 at an interrupt', async () => {
    const io = new FakeIo();
    const ended = run(['--data', train, '--json'], io);
    while (io.interrupt === undefined) await new Promise((resolve) => setImmediate(resolve));
    io.interrupt();
    expect((await ended).code).toBe(130);
    expect(io.lines.at(-1)).toEqual({ event: 'done', stopped: true });
  });
});

describe('linear', () => {
  it('tells the data, the objective and the accuracies', async () => {
    const { code, io } = await run(['--data', train, '--test', test], new FakeIo(true));
    expect(code).toBe(0);
    expect(io.stdout).toMatch(/train: 4 rows, 4 features, 7 values that are not 0\n/);
    expect(io.stdout).toMatch(/objective \d\.\d+, at most \d\.\de-\d+ of it above the least one\n/);
    expect(io.stdout).toMatch(/\d+ iterations, \d+\.\d\d s, 3 weights that are not 0\n/);
    expect(io.stdout).toMatch(/train accuracy 1\.0000, test accuracy 0\.6667\n$/);
    expect(io.stderr).toMatch(/iteration \d, objective \d\.\d+, gap \d/);
  });

  const refused: [string, string[], RegExp][] = [
    ['no data', [], /required option '--data <file>' not specified/],
    ['an unknown loss', ['--data', train, '--loss', 'huber'], /Allowed choices are hinge, squared-hinge, logistic/],
    ['C 0', ['--data', train, '--C', '0'], /'0' is invalid. Expected a number > 0/],
    ['C NaN', ['--data', train, '--C', 'NaN'], /'NaN' is invalid. Expected a number > 0/],
    ['a tolerance of 1', ['--data', train, '--tolerance', '1'], /Expected a number > 0 and < 1/],
    ['hinge with l1', ['--data', train, '--loss', 'hinge', '--l1'], /--l1 is for --loss squared-hinge and logistic/],
    [
      'softmax of hinge',
      ['--data', train, '--loss', 'hinge', '--multi-class', 'softmax'],
      /softmax is for --loss logistic/,
    ],
  ];
  it.each(refused)('refuses %s with code 2', async (_, args, message) => {
    const { code, io } = await run(args);
    expect([code, io.stdout]).toEqual([2, '']);
    expect(io.stderr).toMatch(message);
  });

  const broken: [string, string[], RegExp][] = [
    ['a missing file', ['--data', join(dir, 'none')], /error: ENOENT/],
    [
      'NaN',
      ['--data', file('nan', '1 1:1\n-1 1:nan\n')],
      /error: ERR_FORMAT: readLibsvm: .*nan: line 2: expected a finite/,
    ],
    ['unsorted rows', ['--data', file('unsorted', '1 2:1 1:1\n')], /unsorted: line 1: expected rising indices/],
    ['repeated indices', ['--data', file('repeated', '1 1:1 1:1\n')], /repeated: line 1: index 1 is repeated/],
    ['rows longer than declared', ['--data', train, '--features', '2'], /train: line 3: expected at most 2 features/],
    [
      'a third class',
      ['--data', three, '--multi-class', 'none'],
      /three: line 3: the label is 3, a third after 1 and 2/,
    ],
    ['one class', ['--data', file('one', '1 1:1\n1 2:1\n')], /expected two classes but .*one: line 2: the label is 1/],
  ];
  it.each(broken)('ends with 1 at %s, and says where', async (_, args, message) => {
    const { code, io } = await run([...args, '--json']);
    expect([code, io.lines.filter((line) => line.event === 'done')]).toEqual([1, []]);
    expect(io.stderr).toMatch(message);
  });
});
