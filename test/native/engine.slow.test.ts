/** The engine thread: the event loop stays free, runs take turns, and environments may end in the middle of everything. */
import { spawnSync } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import type { Backend, Executable, Plan, Storage } from '../../lib/backends/backend.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { encodePlan } from '../../lib/backends/native.js';
import { loadBinding } from '../../lib/binding.js';
import { buffer, call } from '../helpers/small-plan.js';

const { binding, path } = loadBinding();

/** y = y * 1 over and over, `size` values and `calls` calls a step: work that takes as long as one likes. */
function busyPlan(size: number, calls: number): Plan {
  return {
    name: 'busy',
    precision: 'float32',
    maxBatch: 1,
    arenaBytes: 0,
    slots: [],
    regions: [{ name: 'y', dtype: 'real' }],
    buffers: [buffer(0, { fixed: size })],
    calls: Array.from({ length: calls }, () => call('scale_forward', -1, [0, 0], [{ fixed: size }], [1])),
  };
}

/** A script for another environment: starts `runs` busy runs and leaves the promises in `done`. */
function script(plan: Plan, runs: number, rows: number, then: string): string {
  const labels = [...plan.calls.map((c) => c.label), ...plan.regions.map((r) => r.name)];
  return `
    const binding = require(${JSON.stringify(path)});
    const { parentPort } = require('node:worker_threads');
    const plan = binding.loadPlan(Float64Array.of(${encodePlan(plan).join()}), ${JSON.stringify(labels)});
    const storage = binding.createStorage(0, ${plan.buffers[0]!.fixed});
    const done = Array.from({ length: ${runs} }, () => binding.startRun(plan, [storage], 1, ${rows}, 0, new Float64Array(0), 2).done);
    ${then}`;
}

const made: (Storage | Executable)[] = [];
afterEach(() => {
  for (const one of made.splice(0)) one.dispose();
});

/** Runs a busy plan on a storage of its own. */
function start(backend: Backend, plan: Plan, rows: number) {
  const y = backend.allocate('real', plan.buffers[0]!.fixed);
  const executable = backend.load(plan);
  made.push(y, executable);
  return executable.run({ regions: [y], batch: 1, rows, slots: new Float64Array(0) });
}

const ended = (worker: Worker) => new Promise<number>((resolve) => worker.once('exit', resolve));

describe.skipIf(binding === undefined)('engine', () => {
  test('leaves the event loop free', async () => {
    const backend = createCpuBackend({ threads: 1 });
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const began = performance.now();
    const run = start(backend, busyPlan(1 << 20, 20), 1e6);
    await new Promise((resolve) => setTimeout(resolve, 400));
    run.stop();
    const steps = await run.done;
    clearInterval(timer);
    delay.disable();
    expect(steps).toBeGreaterThan(0);
    expect(ticks).toBeGreaterThan((performance.now() - began) / 50);
    expect(delay.percentile(50) / 1e6).toBeLessThan(20);
  });

  test('lets runs of several plans take turns', async () => {
    const backend = createCpuBackend({ threads: 2 });
    const plan = busyPlan(1 << 16, 10);
    const long = [1, 2, 3].map(() => start(backend, plan, 1e6));
    const short = start(backend, plan, 2);
    expect(await short.done).toBe(2); // not behind the long ones
    for (const run of long) run.stop();
    for (const run of long) expect(await run.done).toBeLessThan(1e6);
  });

  test('works from two workers at once, and with the main thread', async () => {
    const plan = busyPlan(1 << 14, 5);
    const workers = [1, 2].map(
      () =>
        new Worker(script(plan, 4, 50, 'Promise.all(done).then((steps) => parentPort.postMessage(steps));'), {
          eval: true,
        }),
    );
    const exits = workers.map(ended);
    const answers = workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)));
    const own = start(createCpuBackend(), plan, 50);
    expect(await own.done).toBe(50);
    expect(await Promise.all(answers)).toEqual([
      [50, 50, 50, 50],
      [50, 50, 50, 50],
    ]);
    expect(await Promise.all(exits)).toEqual([0, 0]);
  });

  test('workers that end or are ended in the middle of runs leave nothing behind', async () => {
    const before = binding!.memory();
    const plan = busyPlan(1 << 16, 20);
    for (const then of ["parentPort.postMessage('started'); process.exit(0);", "parentPort.postMessage('started');"]) {
      for (let round = 0; round < 5; round++) {
        const worker = new Worker(script(plan, 3, 1e6, then), { eval: true });
        const exit = ended(worker);
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
        await exit;
      }
    }
    expect(binding!.memory()).toMatchObject({ bytes: before.bytes, storages: before.storages, plans: before.plans });
  });

  test('workers may be terminated inside of calls, also of those that throw', () => {
    const inner = `
      const binding = require(${JSON.stringify(path)});
      require('node:worker_threads').parentPort.postMessage('ready');
      for (;;) {
        binding.info();
        try { binding.createStorage(0, -1); } catch {}
      }`;
    const code = `
      const { Worker } = require('node:worker_threads');
      (async () => {
        for (let i = 0; i < 20; i++) {
          const worker = new Worker(${JSON.stringify(inner)}, { eval: true });
          await new Promise((resolve) => worker.once('message', resolve));
          await worker.terminate();
        }
        console.log('ended');
      })();`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([0, 'ended\n', '']);
  });

  test('a process may exit in the middle of runs, also with a worker, and a run keeps it alive until it ends', () => {
    const node = (code: string) => spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', timeout: 15_000 });
    const exits = node(script(busyPlan(1 << 16, 20), 3, 1e6, 'setTimeout(() => process.exit(7), 100);'));
    expect([exits.status, exits.signal, exits.stderr]).toEqual([7, null, '']);
    const inner = JSON.stringify(script(busyPlan(1 << 16, 20), 3, 1e6, ''));
    const worker = `const { Worker } = require('node:worker_threads'); new Worker(${inner}, { eval: true }).once('online', () => setTimeout(() => process.exit(8), 200));`;
    const both = node(worker);
    expect([both.status, both.signal, both.stderr]).toEqual([8, null, '']);
    const only = `new (require('node:worker_threads').Worker)(${JSON.stringify(script(busyPlan(1 << 16, 2), 3, 5, ''))}, { eval: true }).once('exit', (code) => setTimeout(() => console.log('ended', code), 100));`;
    expect(node(only).stdout).toBe('ended 0\n'); // the addon is unloaded by now; its threads are not
    const waits = node(
      script(busyPlan(1 << 16, 20), 3, 20, 'Promise.all(done).then((steps) => console.log(...steps));'),
    );
    expect([waits.status, waits.stdout]).toEqual([0, '20 20 20\n']);
  });
});
