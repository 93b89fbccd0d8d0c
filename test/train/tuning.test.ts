/** What a model does while its device times convolutions: it waits, heeds whoever ends it, and keeps to the choices it began with. */
import { describe, expect, test } from 'vitest';
import type { Backend, ConvolutionShape } from '../../lib/backends/backend.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import type { Data } from '../../lib/data/dataset.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { sequence } from '../../lib/layers/graph.js';
import { optimizerFrom } from '../../lib/optimizers/registry.js';
import { evaluate } from '../../lib/train/evaluate.js';
import { startFit } from '../../lib/train/fit.js';
import { startMinimize } from '../../lib/train/minimize.js';
import { Network } from '../../lib/train/network.js';
import { predictionRequest } from '../../lib/train/objective.js';
import type { FitOptions } from '../../lib/train/options.js';
import { predict } from '../../lib/train/predict.js';
import { inFolder } from './checkpoint/resumed.js';
import { clusters } from './tiny.js';

const data = clusters(8, 4 * 4 * 2);

/** A network whose device finds `tiles.found` for all shapes once `finish` is called or the signal comes, and counts steps. */
function slowly() {
  const reference = new ReferenceBackend('float64');
  const asked: string[][] = [];
  const stricts = new Set<boolean>();
  const tiles = { known: 0, found: 2 };
  const events: string[] = [];
  let finish = () => {};
  const backend: Backend = Object.assign(Object.create(reference) as Backend, {
    name: reference.name,
    precision: reference.precision,
    allocate: reference.allocate.bind(reference),
    load: (plan: Parameters<Backend['load']>[0]) => {
      const tile = plan.calls.some(({ kernel }) => kernel === 'winograd_filter_forward') ? 'with tiles' : 'direct';
      events.push(`${plan.name.split(' ')[1]} of ${plan.maxBatch} ${tile}`);
      return reference.load(plan);
    },
    chooseTile: (_: ConvolutionShape, strict = false) => {
      stricts.add(strict);
      return tiles.known;
    },
    tune: (shapes: readonly ConvolutionShape[], signal?: AbortSignal, strict = false) => {
      stricts.add(strict);
      asked.push(shapes.map(({ direction }) => direction));
      events.push('tuning');
      return new Promise<boolean>((resolve) => {
        finish = () => {
          tiles.known = tiles.found;
          resolve(true);
        };
        signal?.addEventListener('abort', () => resolve(false));
      });
    },
  });
  const layers = [
    conv2d({ filters: 16, kernelSize: 3, padding: 1 }),
    conv2d({ filters: 16, kernelSize: 3, padding: 1 }),
    flatten(),
    dense({ units: 3 }),
  ];
  const network = new Network('net', backend, 1, sequence([4, 4, 2], layers));
  const train = (options: FitOptions = {}, some: Data = data) =>
    startFit(network, some, { batchSize: 4, ...options }, optimizerFrom, () => {});
  const begun = async () => {
    while (events.at(-1) !== 'tuning') await new Promise((resolve) => setImmediate(resolve));
  };
  return { network, train, begun, asked, stricts, tiles, events, finish: () => finish() };
}

describe('while convolutions are timed', () => {
  test('a fit waits, for all shapes of its plan, and then takes what was found', async () => {
    const { train, begun, asked, events, finish } = slowly();
    const run = train();
    await begun();
    expect(asked).toHaveLength(1);
    expect(asked[0]!.toSorted()).toEqual(['filter', 'filter', 'forward', 'forward', 'input']);
    expect(events).toEqual(['tuning']);
    finish();
    expect((await run).epochs).toHaveLength(1);
    expect(events).toEqual(['tuning', 'training of 4 with tiles']);
  });

  test('predictions and evaluations wait too', async () => {
    for (const ask of [
      (network: Network) => predict(network, data.x, undefined),
      (network: Network) => evaluate(network, data, undefined, undefined),
    ]) {
      const { network, begun, asked, finish } = slowly();
      const answer = ask(network);
      await begun();
      expect(asked).toEqual([['forward', 'forward']]);
      finish();
      await answer;
    }
  });

  test('whole-data methods wait too, for strict choices, which are apart from those of a fit', async () => {
    const { network, train, begun, asked, stricts, tiles, events, finish } = slowly();
    tiles.found = 0;
    const run = startMinimize(network, data, { iterations: 1 }, () => {});
    for (const pass of ['gradient', 'Gauss-Newton', 'evaluation']) {
      // Each plan asks for those shapes that no plan before it has asked for.
      while (events.at(-1) !== 'tuning' && !events.at(-1)?.startsWith(pass)) await new Promise(setImmediate);
      finish();
    }
    await run;
    expect([...stricts]).toEqual([true]);
    expect(asked[0]!.toSorted()).toEqual(['filter', 'filter', 'forward', 'forward', 'input']);
    const before = asked.length;
    const fit = train();
    await begun();
    finish();
    await fit;
    expect([...stricts]).toEqual([true, false]);
    expect(asked[before]!.toSorted()).toEqual(['filter', 'filter', 'forward', 'forward', 'input']);
  });

  test('stop() ends a whole-data method while it waits', async () => {
    const { network, begun } = slowly();
    const run = startMinimize(network, data, undefined, () => {});
    await begun();
    run.stop();
    expect(await run).toMatchObject({ iterations: [], stopped: true });
  });

  test('stop() ends it, and the fit with it', async () => {
    const { train, begun } = slowly();
    const run = train();
    await begun();
    run.stop();
    expect(await run).toEqual({ epochs: [], reason: 'stopped', stopped: true });
  });

  test('so do the signal and dispose()', async () => {
    const { train, begun } = slowly();
    const control = new AbortController();
    const run = train({ signal: control.signal });
    await begun();
    control.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');

    for (const ask of ['fit', 'predict'] as const) {
      const { network, train, begun, events } = slowly();
      const answer = ask === 'fit' ? train() : predict(network, data.x, undefined);
      await begun();
      network.dispose();
      await expect(Promise.resolve(answer)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
      expect(events).toEqual(['tuning']);
    }
  });

  test('a fit asks once: the shapes of its validation are those of its training', async () => {
    const { train, begun, events, tiles, finish } = slowly();
    tiles.found = 0;
    const run = train({ validationData: data, epochs: 3 });
    await begun();
    finish();
    const { epochs } = await run;
    expect(epochs).toHaveLength(3);
    expect(events).toEqual(['tuning', 'training of 4 direct', 'evaluation of 8 direct']);
  });
});

describe('a model', () => {
  test('keeps to its choices: for larger batches, for other plans, and where nothing was found in time', async () => {
    for (const found of [true, false]) {
      const { network, train, begun, asked, tiles, events, finish } = slowly();
      const batches = [2, 4, 8].map((rows) => ({ x: data.x.slice(0, rows * 32), y: data.y.slice(0, rows) }));
      const control = new AbortController();
      const run = train(found ? {} : { signal: control.signal }, batches);
      await begun();
      if (found) finish();
      else control.abort();
      await Promise.resolve(run).catch(() => {});
      tiles.known = found ? 0 : 2;
      await predict(network, data.x, { batchSize: 2 });
      await predict(network, data.x, { batchSize: 8 });
      const how = found ? 'with tiles' : 'direct';
      expect(events.filter((event) => event !== 'tuning').every((event) => event.endsWith(how))).toBe(true);
      expect(events.length).toBeGreaterThan(3);
      expect(asked).toHaveLength(1);
      const { plan } = network.compile(predictionRequest(network, 'real', 2));
      expect(plan.calls.some(({ kernel }) => kernel === 'winograd_filter_forward')).toBe(found);
    }
  });

  test('that resumes a fit keeps to the choices of its checkpoint, and asks for none', async () => {
    await inFolder(async (dir) => {
      const first = slowly();
      const run = first.train({ checkpoint: dir, epochs: 2 });
      await first.begun();
      first.finish();
      const wanted = (await run).epochs;
      for (const before of [false, true]) {
        const second = slowly();
        second.tiles.known = 0;
        if (before) {
          // It has a plan of its own choices already.
          const other = second.train();
          await second.begun();
          second.tiles.found = 0;
          second.finish();
          await other;
        }
        const asked = second.asked.length;
        const { epochs } = await second.train({ checkpoint: dir, resume: true, epochs: 3 });
        expect(epochs.slice(0, 2)).toEqual(wanted);
        expect(second.asked).toHaveLength(asked);
        expect(second.events.at(-1)).toBe('training of 4 with tiles');
      }
    });
  });

  test('asked for its plan at once takes what is known', () => {
    const { network, tiles, asked } = slowly();
    tiles.known = 2;
    const { plan } = network.compile(predictionRequest(network, 'real', 2));
    expect(plan.calls.some(({ kernel }) => kernel === 'winograd_filter_forward')).toBe(true);
    expect(asked).toEqual([]);
  });
});
