/** Where memory runs out, at whichever piece, what was taken goes back at once, and with more room the same model works. */
import { afterEach, expect, test, vi } from 'vitest';
import type { Executable, Plan, Storage } from '../../lib/backends/backend.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { SteepestError } from '../../lib/errors.js';
import { grad } from '../../lib/graph/grad.js';
import * as ops from '../../lib/graph/public.js';
import { compute } from '../../lib/plan/compute.js';
import { clusters, convnet, mlp } from './tiny.js';

afterEach(() => vi.restoreAllMocks());

/** Counts what is alive; the piece number `left` and all after it find no room. */
function scarce() {
  const state = { alive: 0, left: Number.POSITIVE_INFINITY };
  const counted = <T extends Storage | Executable>(make: () => T): T => {
    if (state.left-- <= 0) throw new SteepestError('ERR_DEVICE_OOM', 'no room');
    const resource = make();
    state.alive++;
    const { dispose } = resource;
    let gone = false;
    resource.dispose = () => {
      if (!gone) state.alive--;
      gone = true;
      dispose.call(resource);
    };
    return resource;
  };
  const { allocate, load } = ReferenceBackend.prototype;
  vi.spyOn(ReferenceBackend.prototype, 'allocate').mockImplementation(function (this: ReferenceBackend, ...args) {
    return counted(() => allocate.apply(this, args));
  });
  vi.spyOn(ReferenceBackend.prototype, 'load').mockImplementation(function (this: ReferenceBackend, plan: Plan) {
    return counted(() => load.call(this, plan));
  });
  return state;
}

/** Does `work` with room for 0, 1, 2 ... pieces until it succeeds; gives how many it took. */
async function everywhere(state: ReturnType<typeof scarce>, work: () => PromiseLike<unknown>): Promise<number> {
  const before = state.alive;
  for (let room = 0; ; room++) {
    state.left = room;
    const error = await work().then(
      () => undefined,
      (e: unknown) => e,
    );
    state.left = Number.POSITIVE_INFINITY;
    if (error === undefined) return room;
    expect(error).toMatchObject({ code: 'ERR_DEVICE_OOM' });
    expect(state.alive).toBe(before);
  }
}

const images = { ...clusters(20, 64), validationData: clusters(6, 64) };
test.each([
  [
    'fit',
    12,
    (model: ReturnType<typeof convnet>) =>
      model.fit(images, { validationData: clusters(6, 64), C: 2, optimizer: 'adam', clipNorm: 1 }),
  ],
  ['evaluate', 6, (model: ReturnType<typeof convnet>) => model.evaluate(images)],
  ['predict', 4, (model: ReturnType<typeof convnet>) => model.predict(images.x)],
  ['minimize', 12, (model: ReturnType<typeof convnet>) => model.minimize(images, { iterations: 1 })],
])('%s', async (_, least, work) => {
  const state = scarce();
  const make = () => convnet();
  expect(make).not.toThrow();
  const base = state.alive;
  // A model anew each time: a plan that was compiled stays with its model.
  const taken = await everywhere(state, async () => {
    const { left } = state;
    state.left = Number.POSITIVE_INFINITY;
    const model = make();
    state.left = left;
    try {
      await work(model);
    } finally {
      model.dispose();
    }
  });
  expect(taken).toBeGreaterThanOrEqual(least);
  expect(state.alive).toBe(base);
});

test('a fit that finds no room again and again takes no more each time, and the model can still be trained', async () => {
  const state = scarce();
  const model = mlp();
  const data = clusters(12);
  await model.fit(data, { optimizer: 'sgd' });
  for (let room = 0, failed = true; failed; room++) {
    const alive: number[] = [];
    for (let time = 0; time < 3; time++) {
      state.left = room;
      failed = await model.fit(data, { optimizer: 'adam' }).then(
        () => false,
        () => true,
      );
      alive.push(state.alive);
    }
    state.left = Number.POSITIVE_INFINITY;
    expect(alive[2]).toBe(alive[1]); // the first may have taken the state of another optimizer
  }
  expect((await model.fit(data, { optimizer: 'adam', epochs: 2 })).epochs).toHaveLength(2);
});

test('compute', async () => {
  const state = scarce();
  const [x, w] = [ops.input('x', ['N', 2]), ops.parameter('w', [2, 3])];
  const [dw] = grad(ops.mean(ops.sigmoid(ops.matmul(x, w))), [w]);
  const work = () =>
    compute(
      [dw!],
      [
        [x, [1, 2, 3, 4]],
        [w, [1, 2, 3, 4, 5, 6]],
      ],
    );
  expect(await everywhere(state, work)).toBeGreaterThanOrEqual(4);
});
