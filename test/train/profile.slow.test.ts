/** Profiles: every kernel call of every step is there once, on its thread, in its time; and nothing else changes. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EVENT_NUMBERS, type Plan, type PlanCall } from '../../lib/backends/backend.js';
import { kernelSpecs } from '../../lib/backends/kernels.js';
import { planCosts } from '../../lib/plan/describe.js';
import { Profile, type TraceEvent } from '../../lib/plan/profile.js';
import type { Model } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import { expectNear } from '../helpers/near.js';
import { smallPlan } from '../helpers/small-plan.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { clusters, convnet, hasCpu, mlp } from './tiny.js';

const dir = temporaryFolder('profile');

const BATCH = 64;
const ROWS = BATCH + 10;
const images = { x: clusters(ROWS, 64).x, y: clusters(ROWS, 4).y };
/** 2 epochs of a whole batch and one of 10. */
const options: FitOptions = { epochs: 2, batchSize: BATCH, optimizer: 'adam' };
const STEPS = 4;
const planOf = (model: Model) => model.plan({ batchSize: BATCH, optimizer: 'adam' }).plan;

/** Trains with a profile in a file; the trace's events that take time. */
async function trace(model: Model, more: FitOptions = {}) {
  const file = join(dir, 'trace.json');
  const history = await model.fit(images, { ...options, ...more, profile: file });
  const { traceEvents, otherData } = JSON.parse(readFileSync(file, 'utf8')) as {
    traceEvents: TraceEvent[];
    otherData: { steps: number; dropped: number };
  };
  const timed = traceEvents.filter(({ ph }) => ph === 'X');
  const named = traceEvents.filter(({ ph }) => ph === 'M');
  expect(named.every(({ name, args }) => name === 'thread_name' && typeof args.name === 'string')).toBe(true);
  expect(new Set(timed.map(({ tid }) => tid)).size).toBe(named.length);
  // What threads share has an event on each: here it counts once.
  const kernels = timed.filter(({ cat, tid, args }) => cat === 'kernel' && (args.threads === 1 || tid === 0));
  const shared = timed.filter(({ args }) => (args.threads as number) > 1);
  expect(shared.every(({ tid, args }) => tid < (args.threads as number))).toBe(true);
  const steps = timed.filter(({ cat }) => cat === 'step');
  return { history, kernels, steps, otherData };
}

const start = ({ ts }: TraceEvent) => Math.round(ts! * 1000);
const end = ({ ts, dur }: TraceEvent) => Math.round((ts! + dur!) * 1000);

/** Checks names, layers, times and rates of a trace against the plan; gives the slices of each call of each step. */
function checkTrace(plan: Plan, { kernels, steps }: Pick<Awaited<ReturnType<typeof trace>>, 'kernels' | 'steps'>) {
  expect(steps.map(({ name }) => name)).toEqual(Array.from({ length: STEPS }, (_, i) => `step ${i}`));
  const rows = steps.map(({ args }) => args.images as number);
  expect(rows).toEqual([BATCH, 10, BATCH, 10]);
  for (const row of [steps, ...[0, 1, 2].map((thread) => kernels.filter(({ tid }) => tid === thread))]) {
    const inOrder = row.toSorted((a, b) => start(a) - start(b));
    expect(inOrder.slice(1).filter((event, i) => start(event) < end(inOrder[i]!))).toEqual([]);
  }
  const slices: number[][] = [];
  for (const [step, whole] of steps.entries()) {
    const own = kernels.filter(({ args }) => args.step === step);
    expect(own.filter((event) => start(event) < start(whole) || end(event) > end(whole))).toEqual([]);
    const calls = plan.calls.map((_, i) => own.filter(({ args }) => args.call === i));
    const named = ({ kernel, label }: PlanCall, { name, args }: TraceEvent) => name === kernel && args.layer === label;
    expect(plan.calls.filter((call, i) => !calls[i]!.every((event) => named(call, event)))).toEqual([]);
    const images = calls.map((events) => events.map(({ args }) => args.images as number));
    expect(images.map((some) => some.reduce((a, b) => a + b))).toEqual(plan.calls.map(() => rows[step]!));
    slices.push(...images);
  }
  for (const { name, dur, args } of kernels) {
    const cost = planCosts(plan, args.images as number)[args.call as number]!;
    expect(cost.kernel).toBe(name);
    if (dur === 0) continue;
    const [flops, bytes] = ['GFLOP/s', 'GB/s'].map((rate) => Number(args[rate]) * Number(args.threads) * dur! * 1000);
    expectNear([flops!, bytes!], [cost.flops, cost.bytes], 3);
  }
  return slices;
}

describe.each(['reference', 'cpu'] as const)('on %s', (device) => {
  test.skipIf(device === 'cpu' && !hasCpu())(
    'a thread alone: each call once a step, and one event a step',
    async () => {
      const model = convnet({ device, ...(device === 'cpu' && { threads: 1 }) });
      const plan = planOf(model);
      const { kernels, otherData, ...rest } = await trace(model);
      expect(kernels).toHaveLength(STEPS * plan.calls.length);
      expect(kernels.map(({ name }) => name)).toEqual(
        Array.from({ length: STEPS }, () => plan.calls.map(({ kernel }) => kernel)).flat(),
      );
      expect(otherData).toEqual({ steps: STEPS, dropped: 0 });
      checkTrace(plan, { kernels, ...rest });
    },
  );

  test.skipIf(device === 'cpu' && !hasCpu())('losses and weights are bit-equal with and without', async () => {
    const [plain, profiled] = [convnet({ device }), convnet({ device })];
    const { epochs } = await plain.fit(images, options);
    const { history } = await trace(profiled);
    expect(history.epochs.map((e) => e.trainLoss)).toEqual(epochs.map((e) => e.trainLoss));
    expect(profiled.weights()).toEqual(plain.weights());
  });
});

test.skipIf(!hasCpu())('two threads: slices make up the batch; their number is that of the segment', async () => {
  const model = convnet({ device: 'cpu', threads: 2 });
  const plan = planOf(model);
  const traced = await trace(model);
  const slices = checkTrace(plan, traced);
  // What is not cut in slices both threads share.
  for (const { args } of traced.kernels) {
    if (plan.calls[args.call as number]!.segment < 0) expect(args.threads).toBe(2);
    if (args.images === 8) expect(args.threads).toBe(1);
  }
  // 64 images for two threads: 8 at a time where a segment is worth it (images_per_block), else all at once.
  const whole = slices.filter((images) => images.reduce((a, b) => a + b) === BATCH);
  expect(whole.every((images) => images.every((n) => n === BATCH || n === 8))).toBe(true);
  expect(whole.some((images) => images.includes(8))).toBe(true);
});

describe('the option', () => {
  test('a function gets the profile, which the history has too', async () => {
    let given: Profile | undefined;
    const model = mlp();
    const { profile } = await model.fit(clusters(12), {
      profile: (p) => {
        given = p;
      },
    });
    expect(profile).toBe(given);
    const kernels = given!.kernels();
    expect(kernels.reduce((sum, k) => sum + k.share, 0)).toBeCloseTo(1, 9);
    expect(kernels.map((k) => k.milliseconds)).toEqual(kernels.map((k) => k.milliseconds).sort((a, b) => b - a));
    expect(kernels.find((k) => k.kernel === 'gemm' && k.layer === 'dense_1')!.calls).toBeGreaterThan(0);
    expect((await model.fit(clusters(12))).profile).toBeUndefined();
    await expect(
      model.fit(clusters(12), {
        profile: () => {
          throw new Error('no room');
        },
      }),
    ).rejects.toThrow('no room');
  });

  test('a file that cannot be written stops before training, with ERR_FILE; wrong data before the file', async () => {
    const model = mlp();
    const before = model.weights();
    await expect(model.fit(clusters(12), { profile: dir })).rejects.toMatchObject({ code: 'ERR_FILE' });
    const file = join(dir, 'untouched.json');
    await expect(model.fit({ x: clusters(12).x, y: [1] }, { profile: file })).rejects.toThrow('x has 12 rows');
    expect(existsSync(file)).toBe(false);
    expect(model.weights()).toEqual(before);
  });

  test('a run that fails leaves what it recorded', async () => {
    const file = join(dir, 'failed.json');
    const onBatchEnd = ({ step }: { step: number }) => {
      if (step === 2) throw new Error('enough');
    };
    await expect(mlp().fit(clusters(64), { batchSize: 8, onBatchEnd, profile: file })).rejects.toThrow('enough');
    expect(JSON.parse(readFileSync(file, 'utf8')).otherData).toEqual({ steps: 2, dropped: 0 });
  });

  test('predict has one too; the outputs do not depend on it', async () => {
    const model = mlp();
    const { x } = clusters(20);
    let given: Profile | undefined;
    const outputs = await model.predict(x, {
      batchSize: 8,
      profile: (p) => {
        given = p;
      },
    });
    expect(outputs).toEqual(await model.predict(x));
    const events = [...given!.traceEvents()];
    expect(events.filter(({ cat }) => cat === 'step').map(({ args }) => args.images)).toEqual([8, 8, 4]);
    expect(given!.kernels().map(({ kernel, calls }) => [kernel, calls])).toEqual([
      ['gemm', 3],
      ['gemm', 3],
    ]);
    await expect(model.predict(x, { profile: dir })).rejects.toMatchObject({ code: 'ERR_FILE' });
    await expect(model.predict(x, { profile: 3 as never })).rejects.toThrow('predict: expected a path or a function');
  });

  test('evaluate has one too, of memory and of a stream; the result does not depend on it', async () => {
    const model = mlp();
    const { x, y } = clusters(20);
    const given: Profile[] = [];
    const profile = (p: Profile) => given.push(p);
    const plain = await model.evaluate({ x, y }, { batchSize: 8 });
    expect(await model.evaluate({ x, y }, { batchSize: 8, profile })).toEqual(plain);
    await model.evaluate([{ x, y }], { batchSize: 8, profile });
    for (const one of given) {
      const steps = [...one.traceEvents()].filter(({ cat }) => cat === 'step');
      expect(steps.map(({ args }) => args.images)).toEqual([8, 8, 4]);
    }
    expect(given).toHaveLength(2);
    await expect(model.evaluate({ x, y }, { profile: dir })).rejects.toMatchObject({ code: 'ERR_FILE' });
    await expect(model.evaluate({ x, y }, { profile: 3 as never })).rejects.toThrow('evaluate: expected a path');
    const file = join(dir, 'unread.json');
    await expect(model.evaluate({ x, y: [1] }, { profile: file })).rejects.toThrow('x has 20 rows');
    expect(existsSync(file)).toBe(false);
  });

  test('a stream has one too: plans of several batch sizes', async () => {
    const { x, y } = clusters(20);
    const part = (from: number, to: number) => ({ x: x.slice(4 * from, 4 * to), y: y.slice(from, to) });
    const { profile } = await mlp().fit([part(0, 4), part(4, 20)], { profile: () => {} });
    const steps = [...profile!.traceEvents()].filter(({ cat }) => cat === 'step');
    expect(steps.map(({ args }) => args)).toEqual([
      { step: 0, images: 4 },
      { step: 1, images: 16 },
    ]);
  });
});

test('what there is no room for is counted, and the rest is a trace as before', () => {
  const plan = smallPlan(4);
  const profile = new Profile(7);
  const event = (call: number, step: number, ns: number) => [call, 0, step, 4, 1e15 + ns, 1e15 + ns + 10];
  const numbers = Float64Array.from(
    [event(-1, 0, 0), event(0, 0, 0), event(1, 0, 20), event(2, 0, 30), event(3, 0, 50)].flat(),
  );
  expect(numbers).toHaveLength(5 * EVENT_NUMBERS);
  profile.add(plan, { numbers, dropped: 0 }, 1);
  expect(profile.room).toBe(2);
  profile.add(plan, { numbers: numbers.slice(0, 2 * EVENT_NUMBERS), dropped: 13 }, 3);
  expect([profile.room, profile.dropped, profile.steps]).toEqual([0, 13, 4]);
  expect(String(profile)).toMatch(/^profile of 4 steps: 7 events, 13 dropped;/);
  const { traceEvents } = JSON.parse([...profile.json()].join('')) as { traceEvents: TraceEvent[] };
  const [first, scale] = traceEvents.filter(({ ph }) => ph === 'X');
  expect(first).toMatchObject({ name: 'step 0', ts: 0, dur: 0.01 });
  // n = 16: 16 products of 64 + 64 bytes in 10 ns.
  expect(kernelSpecs.scale_forward.flops({ n: 16 })).toBe(16);
  expect(scale).toEqual({
    ...{ name: 'scale_forward', cat: 'kernel', ph: 'X', ts: 0, dur: 0.01, pid: 1, tid: 0 },
    args: { layer: 'layer scale_forward', call: 0, step: 0, images: 4, threads: 1, 'GFLOP/s': 1.6, 'GB/s': 12.8 },
  });
  expect(traceEvents.at(-1)).toMatchObject({ name: 'scale_forward', args: { step: 1 } });
});
