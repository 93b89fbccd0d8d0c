/** gpu:check as a process: it never reports success without a GPU; time limits; the script for compute-sanitizer, by the shim. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { shim } from '../helpers/cuda.js';
import { temporaryFolder } from '../helpers/temporary.js';

const root = join(__dirname, '..', '..');
const tool = (name: string) => import(pathToFileURL(join(root, 'tools', 'gpu-check', name)).href);
let gpu: Awaited<ReturnType<typeof tool>>;
beforeAll(async () => {
  gpu = await tool('run.mjs');
});
const addon = join(root, 'build', 'Release', 'steepest.node');
const twin = join(root, 'build', 'Release', 'steepest-shim.node');
const folder = temporaryFolder('gpu-check-test');

function run(script: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const options = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } } as const;
  return spawnSync(process.execPath, [join(root, 'tools', 'gpu-check', script), ...args], options);
}

describe.skipIf(!existsSync(addon) || !existsSync(join(root, 'dist', 'index.js')))('without a GPU', () => {
  // As for CUDA on a machine that has one, and with the shim in the addon's place.
  test.each([{}, { STEEPEST_BINDING: twin }])('it says so, runs nothing and fails: %j', (env) => {
    const hidden = { CUDA_VISIBLE_DEVICES: '-1', ...env };
    const { status, stdout, stderr } = run('main.mjs', ['--no-build', '--out', folder], hidden);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^gpu:check: there is no GPU here: .+\. Nothing was checked\.\n$/);
    expect(stdout).not.toMatch(/tests|written/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('its usage; a wrong option', () => {
  expect(run('main.mjs', ['--help'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^npm run gpu:check/),
  });
  expect(run('main.mjs', ['--only', 'all'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/--only: expected some of/),
  });
});

test('a step that outlasts its time ends, and what it started too; what it said stays', async () => {
  const child = `setInterval(() => {}, 1000)`;
  const script = `const { spawn } = require('node:child_process');
    const { pid } = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' });
    console.log(JSON.stringify({ pid })); setInterval(() => {}, 1000);`;
  const ran = await gpu.execute([process.execPath, '-e', script], { cwd: root, env: process.env, seconds: 3 });
  expect(ran).toMatchObject({ timedOut: true, code: null });
  const { pid } = JSON.parse(ran.lines[0]);
  await expect
    .poll(() => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '')
    .toBe(false);
});

test('a step that fails does not stop the others', async () => {
  const step = (name: string, code: number) => ({
    name,
    command: [process.execPath, '-e', `console.error('why'); process.exit(${code})`],
  });
  const steps = [step('a', 3), { name: 'b', command: ['/no/such/program'] }, step('c', 0)];
  for (const how of ['evenly', 'together']) {
    const results = await gpu.runSteps(steps, how, { cwd: root, env: process.env, seconds: 60, say: () => {} });
    expect(results.map(({ status }: { status: string }) => status)).toEqual(['failed', 'failed', 'done']);
    expect(results[0]).toMatchObject({ code: 3, tail: ['why'] });
    expect(results[1].reason).toMatch(/ENOENT/);
  }
});

describe.skipIf(shim === undefined)('the script for compute-sanitizer, by the shim', () => {
  test('runs kernels in all precisions', () => {
    const { status, stdout } = run('sanitize.mjs', ['--filter', 'gemm'], { STEEPEST_BINDING: twin });
    expect(stdout).toMatch(/^\d+ calls of kernels, 0 wrong\nall right\n$/);
    expect(status).toBe(0);
  });

  test('a rehearsal is no success', () => {
    const out = join(folder, 'rehearsal');
    const { status, stdout } = run('main.mjs', ['--rehearse', '--no-build', '--only', 'mnist', '--out', out], {
      STEEPEST_DATA: folder,
    });
    expect(status).toBe(2);
    expect(stdout).toMatch(/nothing has run on a GPU/);
    const [file] = readdirSync(out);
    const { stages } = JSON.parse(readFileSync(join(out, file!), 'utf8'));
    expect(stages.mnist).toEqual({ status: 'not run', reason: 'no folder mnist in STEEPEST_DATA' });
    expect(stages.tests).toEqual({ status: 'not run', reason: 'not asked for' });
  });
});
