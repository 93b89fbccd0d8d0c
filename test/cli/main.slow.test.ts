/** The command line and the example as a user starts them: processes of their own, on what `node tools/build.mjs` built. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBinding } from '../../lib/binding.js';
import { dataFolder } from '../helpers/data.js';
import { temporaryFolder } from '../helpers/temporary.js';

const root = join(__dirname, '../..');
const addon = loadBinding().binding !== undefined;
const mnistDir = dataFolder('mnist');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs node on a file; `watch` sees the standard output so far each time it grows. */
function node(
  args: string[],
  { env = {}, watch }: { env?: NodeJS.ProcessEnv; watch?: (child: ChildProcess, text: string) => void } = {},
) {
  return new Promise<Ended>((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, DEBUG: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
      watch?.(child, stdout);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
const main = join(root, 'dist/cli/main.js');
const steepest = (args: string[], options?: Parameters<typeof node>[1]) => node([main, ...args], options);
const json = ({ stdout }: Ended) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const small = ['train', '--model', 'mlp', '--device', 'reference', '--limit', '100', '--json'];

describe('steepest', () => {
  it('ends with 0, and prints nothing but JSON with --json', async () => {
    const ended = await steepest([...small, '--epochs', '1']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(json(ended).map(({ event }) => event)).toEqual(['start', 'epoch', 'done']);
  });

  it('ends with 1 and one line on a run error; DEBUG adds the stack', async () => {
    const args = ['train', '--data', 'mnist', '--data-dir', 'no-such-folder'];
    const [plain, debug] = [await steepest(args), await steepest(args, { env: { DEBUG: '1' } })];
    expect(plain).toMatchObject({ code: 1, stdout: '' });
    expect(plain.stderr).toMatch(/^error: ERR_FORMAT: .*no-such-folder.*\n$/);
    expect(debug.code).toBe(1);
    expect(debug.stderr).toMatch(/\n +at /);
  });

  it('ends with 1 where the device is not there', async () => {
    const ended = await steepest(['train', '--device', 'cpu', '--limit', '10'], {
      env: { STEEPEST_BINDING: '/nowhere' },
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error: ERR_NO_DEVICE: .*\/nowhere.*\n$/);
  });

  it('ends with 2 on wrong usage', async () => {
    expect(await steepest(['train', '--epochs', 'three'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('stops after the step in flight at SIGINT and ends with 130', async () => {
    let sent = false;
    const ended = await steepest([...small, '--epochs', '100000'], {
      watch: (child, text) => {
        if (!sent && text.includes('"epoch":2,')) sent = child.kill('SIGINT');
      },
    });
    expect(ended).toMatchObject({ code: 130, stderr: '' });
    expect(json(ended).at(-1)).toMatchObject({ event: 'done', stopped: true });
  });

  it('keeps a run that SIGTERM ends, with 143, and goes on from there', async () => {
    const dir = temporaryFolder('kept');
    const args = [...small, '--epochs', '400', '--checkpoint', join(dir, 'run'), '--resume'];
    let sent = false;
    const ended = await steepest(args, {
      watch: (child, text) => {
        if (!sent && text.includes('"epoch":2,')) sent = child.kill('SIGTERM');
      },
    });
    expect(ended).toMatchObject({ code: 143, stderr: '' });
    const { epoch } = json(ended).at(-1);
    const resumed = json(await steepest([...args.slice(0, -4), String(epoch + 1), ...args.slice(-3)]));
    expect(resumed[1].epoch).toBeGreaterThanOrEqual(epoch);
    expect(resumed.at(-1)).toMatchObject({ event: 'done', epoch: epoch + 1 });
  });

  it('bears a reader that closes the pipe', async () => {
    const ended = await steepest([...small, '--epochs', '20'], { watch: (child) => child.stdout?.destroy() });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  it.skipIf(!addon || mnistDir === undefined).each([
    ['mlp', 0.97],
    ['lenet', 0.987],
  ])('trains %s on MNIST to %d in three epochs', async (model, accuracy) => {
    const args = ['--epochs', '3', '--batch', '128', '--optimizer', 'adam', '--seed', '1', '--device', 'cpu', '--json'];
    const ended = await steepest(['train', '--model', model, '--data', 'mnist', '--data-dir', mnistDir!, ...args]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(json(ended).at(-1)).toMatchObject({ event: 'done', epoch: 3 });
    expect(json(ended).at(-1).testAccuracy).toBeGreaterThanOrEqual(accuracy);
  });

  it.skipIf(!addon)('benches a kernel and a training step against the reference and the ceilings', async () => {
    const kernel = json(
      await steepest(['bench', 'kernels', '--filter', 'gemm m=1024', '--device', 'cpu', '--threads', '1', '--json']),
    );
    expect(kernel.length).toBeGreaterThan(0);
    for (const line of kernel)
      expect(line).toMatchObject({ bench: 'kernel', kernel: 'gemm', device: 'cpu', threads: 1 });
    const square = kernel.find(({ shape }) => shape === 'm=1024 n=1024 k=1024');
    expect(square.gflops).toBeCloseTo((2 * 1.024 ** 3) / (square.medianMs / 1e3), 6);
    expect(square.shareOfPeak).toBeGreaterThan(0.05);
    expect(square.shareOfPeak).toBeLessThan(1.5);
    expect(square.timesReference).toBeGreaterThan(5);

    const [fast, slow] = json(await steepest(['bench', 'train', '--model', 'mlp', '--device', 'cpu', '--json']));
    expect(fast).toMatchObject({ bench: 'train', model: 'mlp', device: 'cpu', batch: 128 });
    expect(slow).toMatchObject({ bench: 'train', model: 'mlp', device: 'reference', threads: 1 });
    expect(fast.imagesPerSecond / slow.imagesPerSecond).toBeGreaterThan(5);
  });
});

describe('examples/digits.mjs', () => {
  const example = join(root, 'examples/digits.mjs');

  it.skipIf(!addon)('trains LeNet to 0.985 and tells the speed of both paths', async () => {
    const { code, stdout, stderr } = await node([example]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^epoch \d\/3: /gm)).toHaveLength(3);
    expect(Number(/test accuracy ([\d.]+) on 2,000 images/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(0.985);
    expect(stdout).toMatch(/training: [\d,]+ images per second on cpu/);
    expect(stdout).toMatch(/the same step in pure TypeScript: [\d.]+ images per second; .* [\d,]+ times as fast/);
  });

  it('trains on the TypeScript path where there is no addon, and says so', async () => {
    const { code, stdout } = await node([example], { env: { STEEPEST_BINDING: '/nowhere' } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^no native kernels \(.*\/nowhere.*\): 250 images on the TypeScript path/m);
    expect(Number(/test accuracy ([\d.]+) on 100 images/.exec(stdout)?.[1])).toBeGreaterThan(0.4);
  });

  it('says what to do where the package is not built', async () => {
    const dir = temporaryFolder('example');
    cpSync(example, join(dir, 'examples/digits.mjs'));
    const { code, stderr } = await node([join(dir, 'examples/digits.mjs')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^examples\/digits.mjs: expected the built package in .*; run 'npm run build' first\n$/);
  });
});
