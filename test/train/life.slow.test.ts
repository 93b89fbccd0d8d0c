/** Models in a living process: the event loop stays free, memory comes back, exits and worker threads do no harm. Needs dist/ (npm run build). */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { digits } from '../../lib/data/digits.js';
import { lenet } from '../../lib/models/lenet.js';
import { vgg11 } from '../../lib/models/vgg11.js';
import { sequential } from '../../lib/train/model.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { hasCpu } from './tiny.js';

const root = join(__dirname, '..', '..');
const runnable = hasCpu() && existsSync(join(root, 'dist', 'index.js'));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a script in a process of its own. It finds the package as `steepest`, and small data and a network to train. */
function script(body: string, ...flags: string[]): Promise<Ended> {
  const source = `
    const steepest = require('./dist/index.js');
    const { sequential, conv2d, maxPool2d, flatten, dense } = steepest;
    const data = steepest.digits({ count: 512, seed: 1 });
    const net = (seed = 1) => sequential({ inputShape: [28, 28, 1], seed, device: 'cpu', threads: 2 }, [
      conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }), maxPool2d(), flatten(), dense({ units: 10 }),
    ]);
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    (async () => { ${body} })();`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, '-e', source], { cwd: root });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, out, err }));
  });
}

/**
 * Milliseconds of delay of this thread's event loop while `work` goes on, and of that of a worker that does nothing: the machine's share.
 */
async function delays(work: () => PromiseLike<unknown>) {
  const idle = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 5 });
     parentPort.on('message', () => { delay.disable(); parentPort.postMessage({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }); parentPort.close(); });
     delay.enable();
     parentPort.postMessage('ready');`,
    { eval: true },
  );
  const message = () => new Promise<unknown>((resolve) => idle.once('message', resolve));
  await message();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 20)); // a delay before its first tick is not seen
  await work();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  idle.postMessage('end');
  const machine = (await message()) as { p99: number; max: number };
  return { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6, machine };
}

/** Choices in the file of a cache folder. */
function kept(cache: string): number {
  const folder = join(cache, 'steepest');
  const [name] = existsSync(folder) ? readdirSync(folder) : [];
  return name === undefined ? 0 : Object.keys(JSON.parse(readFileSync(join(folder, name), 'utf8')).choices).length;
}

describe.skipIf(!runnable)('a process that trains', () => {
  // Programs beside this one delay every thread: a worker that does nothing tells by how much. Where the machine is quiet that is little,
  // and 20 ms is the bound.
  test('keeps its event loop free: p99 of the delay stays below 20 ms, with four runs at once', async () => {
    const data = digits({ count: 1500, seed: 1 });
    const { inputShape, layers } = lenet();
    const models = [1, 2, 3, 4].map((seed) => sequential({ inputShape, seed, device: 'cpu' }, layers));
    await Promise.all(
      models.map((model) => model.fit({ ...data, x: data.x.slice(0, 784 * 64), y: data.y.slice(0, 64) })),
    );
    const { p99, machine } = await delays(() =>
      Promise.all(models.map((model) => model.fit(data, { epochs: 2, batchSize: 64 }))),
    );
    expect(p99).toBeLessThan(Math.max(20, 2 * machine.p99));
    for (const model of models) model.dispose();
  });

  test('keeps it free while convolutions are timed for the first time, too', async () => {
    const cache = temporaryFolder('life');
    const { STEEPEST_TUNE, XDG_CACHE_HOME = '' } = process.env;
    Object.assign(process.env, { STEEPEST_TUNE: '1', XDG_CACHE_HOME: cache });
    try {
      const { inputShape, layers } = vgg11();
      const some = { x: new Float32Array(8 * 32 * 32 * 3).fill(0.5), y: new Int32Array(8) };
      const fitOne = async () => {
        using model = sequential({ inputShape, seed: 1, device: 'cpu' }, layers);
        return await delays(() => model.fit(some, { batchSize: 8 }));
      };
      let { p99, max, machine } = await fitOne();
      // On a busy machine a model's time for it may be over before anything is measured.
      for (let models = 1; models < 10 && kept(cache) === 0; models++) ({ p99, max, machine } = await fitOne());
      expect(kept(cache)).toBeGreaterThan(0);
      // Over so short a time (some hundred samples) the 99th percentile is nearly the largest, a piece of compiling: 21 to 25 ms were seen.
      expect(p99).toBeLessThan(Math.max(50, 2 * machine.p99));
      // Compiling is one piece. To time one convolution with all its tiles takes longer, most of all the first.
      expect(max).toBeLessThan(Math.max(100, 3 * machine.max));
    } finally {
      Object.assign(process.env, { STEEPEST_TUNE, XDG_CACHE_HOME });
    }
  });

  test.runIf(process.platform === 'linux')(
    'times a convolution once: the next process takes what is kept, and exits',
    async () => {
      const cache = temporaryFolder('life');
      const body = `
      Object.assign(process.env, { STEEPEST_TUNE: '1', XDG_CACHE_HOME: ${JSON.stringify(cache)} });
      const { binding } = require('./dist/binding.js').loadBinding();
      const { loadPlan } = binding;
      let timed = 0;
      binding.loadPlan = (program, labels, ...rest) => (labels[0] === 'tuning' && timed++, loadPlan(program, labels, ...rest));
      const layers = [conv2d({ filters: 16, kernelSize: 3 }), conv2d({ filters: 16, kernelSize: 3 }), flatten(), dense({ units: 10 })];
      const model = sequential({ inputShape: [12, 12, 1], seed: 1, device: 'cpu' }, layers);
      const { epochs } = await model.fit({ x: data.x.subarray(0, 144 * 16), y: data.y.subarray(0, 16) });
      const { plan } = model.plan({ batchSize: 16 });
      console.log(JSON.stringify({ timed, loss: epochs[0].trainLoss, tiles: plan.calls.flatMap(({ kernel, ints }) => /^conv2d/.test(kernel) ? ints.at(-1).fixed : []) }));
    `;
      const run = async () => {
        const { code, out, err } = await script(body);
        expect({ code, err }).toEqual({ code: 0, err: '' });
        return JSON.parse(out) as { timed: number; loss: number; tiles: number[] };
      };
      expect((await run()).timed).toBeGreaterThan(0);
      for (let time = 0; time < 9 && kept(cache) < 4; time++) await run(); // a busy machine does not get to all
      expect(kept(cache)).toBe(4);
      const [one, two] = [await run(), await run()];
      expect(one.timed).toBe(0);
      expect(two).toEqual(one);
    },
  );

  test('may exit while convolutions are timed', async () => {
    const cache = temporaryFolder('life');
    const { code, signal } = await script(`
      Object.assign(process.env, { STEEPEST_TUNE: '1', XDG_CACHE_HOME: ${JSON.stringify(cache)} });
      const { inputShape, layers } = steepest.vgg11();
      sequential({ inputShape, device: 'cpu' }, layers).fit({ x: new Float32Array(8 * 3072), y: new Int32Array(8) });
      await wait(100);
      process.exit(7);
    `);
    expect({ code, signal }).toEqual({ code: 7, signal: null });
  });

  test('gets the memory of 200 models back, disposed or dropped, trained or not', async () => {
    const { code, out, err } = await script(
      `
      const memory = require('./dist/binding.js').loadBinding().binding.memory;
      const settle = async () => { for (let i = 0; i < 6; i++) { global.gc(); await wait(20); } };
      const some = { x: data.x.subarray(0, 784 * 16), y: data.y.subarray(0, 16) };
      const one = async (i) => {
        const model = net(i);
        if (i % 2) await model.fit(some, { batchSize: 8 });
        if (i % 4 === 0) await model.predict(some.x);
        if (i % 3 === 0) model.dispose();
      };
      for (let i = 0; i < 4; i++) await one(i);
      await settle();
      const before = memory();
      for (let i = 0; i < 200; i++) await one(i);
      const held = memory();
      await settle();
      console.log(JSON.stringify({ before, held, after: memory() }));
      `,
      '--expose-gc',
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { before, after } = JSON.parse(out) as Record<string, { bytes: number; storages: number; plans: number }>;
    expect(after!.storages).toBe(before!.storages);
    expect(after!.plans).toBe(before!.plans);
    expect(after!.bytes).toBe(before!.bytes);
  });

  test.each([
    ['by process.exit', 'net().fit(data, { epochs: 1e6 }); await wait(150); process.exit(7);', 7],
    ['by an error', "net().fit(data, { epochs: 1e6 }); await wait(150); throw new Error('gone');", 1],
    ['in a callback', 'await net().fit(data, { epochs: 1e6, onEpochEnd: () => process.exit(7) });', 7],
    [
      'with four runs',
      'for (let i = 0; i < 4; i++) net(i).fit(data, { epochs: 1e6 }); await wait(150); process.exit(7);',
      7,
    ],
    [
      'after dispose',
      'const m = net(); m.fit(data, { epochs: 1e6 }).catch(() => {}); await wait(100); m.dispose(); process.exit(7);',
      7,
    ],
  ])('exits in the middle of a run %s', async (_, body, expected) => {
    const { code, signal } = await script(body);
    expect({ code, signal }).toEqual({ code: expected, signal: null });
  });

  test('lives as long as a run goes, and no longer; a run that nobody awaits is still a promise that can fail', async () => {
    const done = await script('net().fit(data, { epochs: 2 }).then(({ epochs }) => console.log(epochs.length));');
    expect(done).toMatchObject({ code: 0, out: '2\n' });
    const failed = await script('net().fit(data, { epochs: 0 });');
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('for epochs but received 0');
  });

  test('trains in several worker threads at once, to the same losses; some are terminated in the middle', async () => {
    const { code, signal, out, err } = await script(`
      const { Worker } = require('node:worker_threads');
      const work = (epochs) => new Worker(\`
        const { parentPort, workerData } = require('node:worker_threads');
        const { sequential, dense, digits } = require('./dist/index.js');
        const { x, y } = digits({ count: 256, seed: 2 });
        const model = sequential({ inputShape: [784], seed: 5, device: 'cpu' }, [dense({ units: 10 })]);
        model.fit({ x, y }, { epochs: workerData, batchSize: 16 }).then(({ epochs }) => parentPort.postMessage(epochs.at(-1).trainLoss));
        parentPort.postMessage('ready');
      \`, { eval: true, workerData: epochs });
      const loss = (worker) => new Promise((resolve, reject) => {
        worker.on('message', (m) => m !== 'ready' && resolve(m));
        worker.on('error', reject);
      });
      const doomed = [work(1e6), work(1e6)];
      const ready = doomed.map((worker) => new Promise((resolve) => worker.on('message', resolve)));
      const losses = await Promise.all([work(5), work(5), work(5)].map(loss));
      await Promise.all(ready);
      await wait(50);
      await Promise.all(doomed.map((worker) => worker.terminate()));
      console.log(new Set(losses).size, losses[0] > 0);
    `);
    expect({ code, signal, out, err }).toEqual({ code: 0, signal: null, out: '1 true\n', err: '' });
  });
});
