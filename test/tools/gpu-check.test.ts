/** gpu:check's options, stages, and what it reads from the output of others. Running it: gpu-check.slow.test.ts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.js';

const root = join(__dirname, '..', '..');
const tool = (name: string) => import(pathToFileURL(join(root, 'tools', 'gpu-check', name)).href);
let gpu: Awaited<ReturnType<typeof tool>>;
beforeAll(async () => {
  const all = await Promise.all(['main', 'stages', 'run', 'summary'].map((name) => tool(`${name}.mjs`)));
  gpu = Object.assign({}, ...all);
});

const folder = temporaryFolder('gpu-check-test');
const names = ['tests', 'sanitizer', 'mnist', 'bench', 'gemm', 'conv', 'peers'];

test('options', () => {
  expect(gpu.readOptions([])).toMatchObject({
    only: names,
    seconds: 450,
    quick: false,
    python: 'python3',
    build: true,
  });
  expect(gpu.readOptions('--only tests,gemm --seconds 60 --no-build --out f'.split(' '))).toMatchObject({
    ...{ only: ['tests', 'gemm'], seconds: 60, build: false, out: 'f' },
  });
  expect(gpu.readOptions(['--quick'])).toMatchObject({ seconds: 240, quick: true });
  expect(() => gpu.readOptions(['--only', 'test'])).toThrow(/--only: expected some of tests, .* but received 'test'/);
  expect(() => gpu.readOptions(['--seconds', '0'])).toThrow(/--seconds/);
  expect(() => gpu.readOptions(['--fast'])).toThrow(/--fast/);
});

test('all of it fits a lease of ten minutes', () => {
  expect(gpu.readOptions([]).seconds).toBeLessThan(8 * 60);
});

test('the file of a GPU; what an earlier run of the day did stays', () => {
  expect(gpu.fileName(new Date('2026-01-31T12:00:00Z'), 'NVIDIA H200')).toBe('2026-01-31-nvidia-h200.json');
  const [done, missing] = [
    { status: 'done', seconds: 1 },
    { status: 'not run', reason: 'not asked for' },
  ];
  const old = { tests: done, gemm: missing, conv: done };
  const fresh = { tests: missing, gemm: { status: 'failed' }, conv: { status: 'time limit' }, peers: missing };
  expect(gpu.mergeStages(old, fresh)).toEqual({
    tests: done,
    gemm: { status: 'failed' },
    conv: { status: 'time limit' },
    peers: missing,
  });
});

test('the exit code: tests and the sanitizer count', () => {
  const all = Object.fromEntries(names.map((name) => [name, { status: 'done' }]));
  const code = (more: object, only = names) => gpu.exitCode({ ...all, ...more }, only);
  expect(code({})).toBe(0);
  expect(code({ gemm: { status: 'failed' }, peers: { status: 'not run' } })).toBe(0);
  expect(code({ sanitizer: { status: 'not run' } })).toBe(0);
  for (const status of ['failed', 'time limit']) expect(code({ sanitizer: { status } })).toBe(1);
  for (const status of ['failed', 'time limit', 'not run', 'partly run']) expect(code({ tests: { status } })).toBe(1);
  expect(code({ tests: { status: 'not run' } }, ['gemm'])).toBe(0);
});

test('the status of a stage, from its steps', () => {
  const of = (...all: string[]) => gpu.statusOf(all.map((status) => ({ status })));
  expect(of('done', 'done')).toBe('done');
  expect(of('done', 'not run')).toBe('partly run');
  expect(of('not run')).toBe('not run');
  expect(of('done', 'time limit')).toBe('time limit');
  expect(of('time limit', 'failed')).toBe('failed');
});

test('time is shared among the stages to come', () => {
  expect(gpu.share(100, [10, 20, 20])).toBe(20);
  expect(gpu.share(90, [20, 20])).toBe(45);
  expect(gpu.share(90, [20])).toBe(90);
});

const context = {
  ...{ quick: false, rehearse: false, temporary: folder, sanitizer: undefined, data: undefined },
  python: { reason: 'python3 has no PyTorch' },
  at: (...path: string[]) => join(folder, ...path),
};
const stage = (name: string) => gpu.stages.find((one: { name: string }) => one.name === name);

test('the stages, and why one cannot run', () => {
  expect(gpu.stages.map(({ name }: { name: string }) => name)).toEqual(names);
  expect(stage('tests').steps(context)).toEqual({ notRun: 'vitest is not in node_modules' });
  expect(stage('sanitizer').steps(context)).toEqual({ notRun: 'compute-sanitizer was not found' });
  expect(stage('mnist').steps(context)).toEqual({ notRun: 'no folder mnist in STEEPEST_DATA' });
  expect(stage('peers').steps(context).notRun).toMatch(/build\/bench is not built/);
  expect(stage('peers').steps(built())).toEqual({ notRun: 'python3 has no PyTorch' });
});

/** A context in which all is there. */
function built(more = {}) {
  const path = join(folder, 'whole');
  for (const file of [
    'build/bench/peers/main.js',
    'node_modules/vitest/vitest.mjs',
    'test/kernels/cuda.slow.test.ts',
    'mnist/x',
  ]) {
    mkdirSync(join(path, file, '..'), { recursive: true });
    writeFileSync(join(path, file), '');
  }
  return { ...context, at: (...parts: string[]) => join(path, ...parts), data: path, ...more };
}

test('what runs: all networks, modes and precisions; the rivals as a graph first, compiled last', () => {
  const all = built({ python: { path: 'p' }, sanitizer: '/s' });
  const commands = (name: string, more = {}): string[] =>
    stage(name)
      .steps({ ...all, ...more })
      .map(({ command }: { command: string[] }) => command.slice(1).join(' '));
  const peers = commands('peers');
  expect(peers).toHaveLength(12);
  expect(peers[0]).toMatch(
    /--models lenet,cnn4,vgg11,resnet18,mlp --mode train --precision fp32 .*\+graph.* --device cuda/,
  );
  expect(peers[11]).toMatch(/--mode infer --precision tf32 --variants .*\+compile/);
  expect(peers.slice(0, 6).some((one) => one.includes('compile'))).toBe(false);
  expect(commands('peers', { quick: true })).toHaveLength(3);
  expect(commands('bench')).toHaveLength(4);
  expect(commands('sanitizer').map((one) => one.split(' ')[1])).toEqual(['memcheck', 'racecheck', 'initcheck']);
  expect(commands('mnist')).toHaveLength(9);
  for (const name of ['gemm', 'conv', 'peers', 'bench', 'mnist'])
    for (const one of commands(name)) expect(one).toContain('--device cuda');
  const [tests] = stage('tests').steps(all);
  expect(tests.env).toMatchObject({ REQUIRE_CUDA: '1', STEEPEST_SHIM: '0' });
});

test('the files of tests that are there', () => {
  expect(gpu.testFiles(join(root, 'test'))).toEqual(
    expect.arrayContaining(['kernels/cuda.slow.test.ts', 'kernels/moments.slow.test.ts', 'train/cuda.slow.test.ts']),
  );
  expect(gpu.testFiles(join(folder, 'nothing'))).toEqual([]);
});

test('the report of vitest: no failure, and something that passed', () => {
  const path = join(folder, 'report.json');
  const read = (passed: number, failed: number, testResults: object[] = []) => {
    const report = { numPassedTests: passed, numFailedTests: failed, numPendingTests: 2, testResults };
    writeFileSync(path, JSON.stringify(report));
    return gpu.readReport(path);
  };
  expect(read(5, 0)).toEqual({ text: '5 passed, 0 failed, 2 skipped', passed: 5, failed: 0, skipped: 2 });
  expect(read(0, 0)).toMatchObject({ status: 'failed', reason: 'no test ran on the GPU' });
  const failing = { status: 'failed', fullName: 'gpu gemm', failureMessages: ['off by 2\nat x'] };
  const one = { name: 'a.ts', status: 'failed', assertionResults: [failing] };
  expect(read(5, 1, [one])).toMatchObject({ status: 'failed', failures: ['gpu gemm: off by 2'] });
  const broken = { name: '/x/b.ts', status: 'failed', message: 'REQUIRE_CUDA=1, but\n', assertionResults: [] };
  expect(read(5, 0, [broken])).toMatchObject({ status: 'failed', failures: ['b.ts: REQUIRE_CUDA=1, but'] });
  expect(gpu.readReport(join(folder, 'none.json'))).toMatchObject({ status: 'failed' });
});

test('what compute-sanitizer says', () => {
  const clean = '========= ERROR SUMMARY: 0 errors';
  expect(gpu.sanitizerErrors(['a', clean])).toBe(0);
  expect(gpu.sanitizerErrors(['========= RACECHECK SUMMARY: 3 hazards displayed (3 errors, 0 warnings)'])).toBe(3);
  expect(gpu.sanitizerErrors(['all right'])).toBeUndefined();
  const ran = { code: 0, timedOut: false, lines: [clean], tail: [] };
  expect(gpu.readSanitizer(ran)).toEqual({ text: '0 errors', errors: 0 });
  const invalid = '========= Invalid __global__ read of size 4 bytes';
  const found = [invalid, '========= ERROR SUMMARY: 1 error'];
  expect(gpu.readSanitizer({ ...ran, code: 9, lines: found })).toMatchObject({
    status: 'failed',
    errors: 1,
    found: [invalid],
  });
  expect(gpu.readSanitizer({ ...ran, lines: ['all right'] })).toMatchObject({ status: 'failed', reason: /no summary/ });
  expect(gpu.readSanitizer({ ...ran, tail: ['Error: Device not supported'] })).toMatchObject({ status: 'not run' });
});

test('rows are the objects among lines', () => {
  const lines = ['heading', '{"a":1}', '{broken', '{"error":"no"}'];
  expect(gpu.jsonLines(lines)).toEqual([{ a: 1 }, { error: 'no' }]);
  expect(gpu.readRows({ lines }, { precision: 'tf32' })).toEqual({
    text: '2 rows, 1 of them errors',
    rows: [
      { a: 1, precision: 'tf32' },
      { error: 'no', precision: 'tf32' },
    ],
  });
  expect(gpu.readRows({ lines: [], timedOut: false })).toMatchObject({ status: 'failed' });
  expect(gpu.readRows({ lines: [], timedOut: true }).status).toBeUndefined();
});

test('without time left nothing is begun', async () => {
  const steps = [{ name: 'a', command: ['/no/such/program'] }];
  const said: string[] = [];
  for (const how of ['evenly', 'greedily', 'together'])
    expect(
      await gpu.runSteps(steps, how, { cwd: folder, env: {}, seconds: 1, say: (text: string) => said.push(text) }),
    ).toEqual([{ name: 'a', status: 'not run', reason: 'no time was left' }]);
  expect(said).toEqual([]);
});

test('the table: the best of PyTorch of all runs, and what did not run', () => {
  const row = (torchMs: number, torchVariant: string) => ({
    ...{
      model: 'lenet',
      mode: 'train',
      precision: 'bf16',
      steepestMs: 0.1,
      torchMs,
      torchVariant,
      ratio: torchMs / 0.1,
    },
  });
  const rows = [row(0.4, 'channels_last+graph'), row(0.3, 'channels_last+compile+graph'), row(0.5, 'nchw')];
  expect(gpu.bestRows(rows)).toEqual([rows[1]]);
  const text = gpu.summary({
    tests: { status: 'not run', reason: 'not asked for' },
    gemm: {
      status: 'done',
      seconds: 3,
      steps: [
        {
          status: 'done',
          rows: [{ m: 512, n: 512, k: 512, precision: 'tf32', steepestMs: 0.01, torchMs: 0.02, ratio: 2 }],
        },
      ],
    },
    peers: {
      status: 'partly run',
      seconds: 9,
      steps: [
        { status: 'done', rows },
        { name: 'infer', status: 'not run' },
      ],
    },
  });
  expect(text).toMatch(/^tests +not run +not asked for$/m);
  expect(text).toMatch(/^peers +partly run +9 s {2}infer: not run$/m);
  expect(text).toMatch(/^gemm 512 tf32 +26\.8 +13\.4 +2\.00$/m);
  expect(text).toMatch(/^lenet train bf16 +0\.1 +0\.3 +channels_last\+compile\+graph +3\.00$/m);
});
