import { describe, expect, test } from 'vitest';
import { Run, type RunControl } from '../../lib/train/run.js';

interface Item {
  readonly kind: string;
  readonly n: number;
}

/** A run whose end is in the test's hands. */
function manual() {
  let control!: RunControl<Item, object>;
  let resolve!: (value: string) => void;
  let reject!: (reason: unknown) => void;
  const end = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const run = new Run<Item, string>({}, (c) => {
    control = c;
    return end;
  });
  return { run, control, resolve, reject };
}

async function collect(run: AsyncIterable<Item>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { n } of run) seen.push(n);
  return seen;
}

describe('a run', () => {
  test('is a promise of its result', async () => {
    const { run, resolve } = manual();
    resolve('done');
    expect(await run).toBe('done');
    let finished = false;
    expect(
      await run.finally(() => {
        finished = true;
      }),
    ).toBe('done');
    expect(finished).toBe(true);
    expect(await run.then((value) => value.length)).toBe(4);
  });

  test('gives every iteration all items from the first, also begun late or twice', async () => {
    const { run, control, resolve } = manual();
    control.push({ kind: 'epoch', n: 1 });
    const early = collect(run);
    await Promise.resolve();
    control.push({ kind: 'epoch', n: 2 });
    control.push({ kind: 'epoch', n: 3 });
    resolve('');
    expect(await early).toEqual([1, 2, 3]);
    expect(await collect(run)).toEqual([1, 2, 3]);
  });

  test('throws its error out of the iteration, after the items before it; it is then no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const { run, control, reject } = manual();
    const seen: number[] = [];
    const iteration = (async () => {
      for await (const { n } of run) seen.push(n);
    })();
    control.push({ kind: 'epoch', n: 1 });
    reject(new Error('broken'));
    await expect(iteration).rejects.toThrow('broken');
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', listen);
    expect(seen).toEqual([1]);
    expect(unhandled).toEqual([]);
  });

  test('is stopped by leaving the loop', async () => {
    const { run, control, resolve } = manual();
    let stopped = 0;
    control.onInterrupt(() => stopped++);
    control.push({ kind: 'epoch', n: 1 });
    for await (const _ of run) break;
    expect(stopped).toBe(1);
    expect(control.stopping).toBe(true);
    resolve('part');
    expect(await run).toBe('part');
  });

  test('is not stopped by a loop that has seen its end', async () => {
    const { run, control, resolve } = manual();
    resolve('');
    await collect(run);
    expect(control.stopping).toBe(false);
  });

  test('tells of a stop at once, once, and also those who ask late', () => {
    const { run, control, resolve } = manual();
    const calls: string[] = [];
    control.onInterrupt(() => calls.push('kept'));
    const release = control.onInterrupt(() => calls.push('released'));
    release();
    run.stop();
    run.stop();
    control.onInterrupt(() => calls.push('late'));
    resolve('');
    expect(calls).toEqual(['kept', 'late']);
  });

  test('rests where its work lets it, until it is resumed', async () => {
    const { run, control, resolve } = manual();
    const { signal } = new AbortController();
    let heard = 0;
    control.onInterrupt(() => heard++);
    await control.rest(signal); // nobody wants it
    const order: string[] = [];
    const pausing = run.pause().then(() => order.push('rests'));
    expect([heard, control.pausing, control.stopping, run.status.state]).toEqual([1, true, false, 'running']);
    const resting = control.rest(signal).then(() => order.push('goes on'));
    await pausing;
    expect(run.status.state).toBe('paused');
    await run.pause();
    await new Promise((done) => setTimeout(done, 5));
    expect(order).toEqual(['rests']);
    run.resume();
    await resting;
    expect([order, run.status.state]).toEqual([['rests', 'goes on'], 'running']);
    resolve('');
    await run;
    await run.pause();
  });

  test('that rests is woken by stop() and by a signal, and pause() waits for no rest that never comes', async () => {
    const stopped = manual();
    const rest = stopped.run.pause().then(() => stopped.control.rest(new AbortController().signal));
    const resting = stopped.control.rest(new AbortController().signal);
    stopped.run.stop();
    await Promise.all([rest, resting]);
    expect(stopped.control.pausing).toBe(false);

    const aborted = manual();
    const controller = new AbortController();
    const woken = aborted.run.pause().then(() => controller.abort());
    await Promise.all([aborted.control.rest(controller.signal), woken]);

    const ended = manual();
    const never = ended.run.pause();
    ended.resolve('');
    await never;
    const resumed = manual();
    const soon = resumed.run.pause();
    resumed.run.resume();
    await soon;
  });

  test('tells its state and the latest figures', async () => {
    const { run, control, resolve } = manual();
    expect(run.status).toEqual({ state: 'running' });
    control.tell({ epoch: 3 });
    expect(run.status).toEqual({ state: 'running', epoch: 3 });
    resolve('');
    await run;
    expect(run.status).toEqual({ state: 'done', epoch: 3 });
    run.stop();
    expect(run.status.state).toBe('done');

    const [stopped, failed] = [manual(), manual()];
    stopped.run.stop();
    stopped.resolve('');
    await stopped.run;
    expect(stopped.run.status.state).toBe('stopped');
    failed.reject(new Error('broken'));
    await expect(failed.run).rejects.toThrow('broken');
    expect(failed.run.status.state).toBe('failed');
  });

  test('keeps all epochs and the latest batches for an iteration that lags', async () => {
    const { run, control, resolve } = manual();
    const total = 140_000;
    for (let n = 0; n < total; n++) control.push({ kind: n % 1000 === 0 ? 'epoch' : 'batch', n });
    resolve('');
    const seen = await collect(run);
    expect(seen.filter((n) => n % 1000 === 0)).toHaveLength(total / 1000);
    expect(seen.length).toBeLessThan(80_000);
    expect(seen.at(-1)).toBe(total - 1);
    expect(seen.some((n, i) => i > 0 && n <= seen[i - 1]!)).toBe(false);
  });
});
