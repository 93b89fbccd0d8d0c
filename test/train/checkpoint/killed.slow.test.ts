/** Every optimizer on every device, interrupted anywhere; and processes that are killed at any moment. Needs dist/ (npm run build). */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { optimizerNames } from '../../../lib/optimizers/registry.js';
import { cudaName, noCuda } from '../../helpers/cuda.js';
import { bothWays, everything, inFolder, net, severalBatches } from './resumed.js';

describe.skipIf(noCuda)(`on cuda (${cudaName})`, () => {
  test.each(optimizerNames)('%s comes to the same bits, stopped three times', async (name) => {
    const { wanted, resumed } = await bothWays(() => net({ device: 'cuda' }), everything(name), [2, 4, 7]);
    expect(resumed).toEqual(wanted);
  });

  test('so do updates by several batches', async () => {
    const { wanted, resumed } = await bothWays(() => net({ device: 'cuda' }), severalBatches, [5, 1]);
    expect(resumed).toEqual(wanted);
  });
});

describe.each(['reference', 'float64', 'cpu'] as const)('on %s', (where) => {
  // In this file 'cpu' is the shim's addon, where there is no GPU: its kernels of the cpu are the same.
  const make = () => net(where === 'float64' ? { precision: 'float64' } : { device: where });
  const skip = where === 'cpu' && noCuda;

  test.skipIf(skip).each(optimizerNames)('%s comes to the same bits, stopped at any step', async (name) => {
    for (const stops of [[1, 1], [6], [7, 5], [17]]) {
      const { wanted, resumed } = await bothWays(make, everything(name), stops);
      expect(resumed).toEqual(wanted);
    }
  });

  test.skipIf(skip)('so do updates by several batches', async () => {
    for (const stops of [[1], [3, 1], [4], [6], [11]]) {
      const { wanted, resumed } = await bothWays(make, severalBatches, stops);
      expect(resumed).toEqual(wanted);
    }
  });
});

const root = join(__dirname, '../../..');

/** What ends a process: SIGKILL after so many milliseconds; SIGTERM after an epoch, at which the fit keeps itself and ends. */
type End = { readonly killAfter: number } | { readonly terminateAfterEpoch: number };

/** Trains in a process of its own; the weights are in `dir`/weights at the end. */
function train(dir: string, end?: End): Promise<'killed' | 'stopped' | 'done'> {
  const source = `
    const { sequential, conv2d, batchNorm, maxPool2d, flatten, dropout, dense, digits, earlyStopping } = require('./dist/index.js');
    const { writeFileSync } = require('node:fs');
    const model = sequential({ inputShape: [28, 28, 1], seed: 1 }, [
      conv2d({ filters: 8, kernelSize: 5 }), batchNorm({ activation: 'relu' }), maxPool2d(), flatten(), dropout({ rate: 0.2 }),
      dense({ units: 64, activation: 'relu' }), dense({ units: 10 }),
    ]);
    const data = digits({ count: 500, seed: 1 });
    model.fit(data, {
      epochs: 10, batchSize: 8, checkpoint: ${JSON.stringify(join(dir, 'run'))}, resume: true, checkpointEvery: { seconds: 0.05 },
      stopOnSignals: ['SIGTERM'], validationSplit: 0.2, callbacks: [earlyStopping({ patience: 20 })], onEpochEnd: ({ epoch }) => console.log(epoch),
    }).then(({ epochs, reason }) => {
      if (reason === 'SIGTERM') process.exit(3);
      writeFileSync(${JSON.stringify(join(dir, 'weights'))}, JSON.stringify([
        epochs.map(({ seconds, imagesPerSecond, ...record }) => record),
        model.weights().map(({ values }) => [...values]),
      ]));
    });`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', source], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    const kill = end && 'killAfter' in end ? setTimeout(() => child.kill('SIGKILL'), end.killAfter) : undefined;
    child.stdout.on('data', (text) => {
      if (end && 'terminateAfterEpoch' in end && Number(text) === end.terminateAfterEpoch) child.kill('SIGTERM');
    });
    child.on('error', reject);
    child.on('close', (code, killer) => {
      clearTimeout(kill);
      if (killer !== null) resolve('killed');
      else if (code === 3) resolve('stopped');
      else if (code === 0) resolve('done');
      else reject(new Error(`the training process ended with ${code}`));
    });
  });
}

test.skipIf(!existsSync(join(root, 'dist/index.js')))(
  'killed at random moments, several times, or told to end, and resumed: the same bits, from a checkpoint that is whole each time',
  async () => {
    await inFolder(async (whole) => {
      const began = performance.now();
      await train(whole);
      const took = performance.now() - began;
      const wanted = readFileSync(join(whole, 'weights'), 'utf8');
      const check = (dir: string) => {
        expect(readFileSync(join(dir, 'weights'), 'utf8') === wanted).toBe(true);
        const files = readdirSync(join(dir, 'run'));
        const good = files.every((name) => /^checkpoint-\d{10}\.safetensors$/.test(name));
        expect(good, files.join()).toBe(true);
      };
      for (let round = 0; round < 3; round++)
        await inFolder(async (dir) => {
          let kills = 0;
          // The first half of a run is start-up where the machine is slow; a kill may come there, too.
          const limit = () => ({ killAfter: (0.3 + 0.6 * Math.random()) * took * 1.05 ** kills });
          for (; (await train(dir, limit())) === 'killed'; kills++);
          expect(kills).toBeGreaterThan(0);
          check(dir);
        });
      await inFolder(async (dir) => {
        expect(await train(dir, { terminateAfterEpoch: 3 })).toBe('stopped');
        expect(existsSync(join(dir, 'weights'))).toBe(false);
        expect(await train(dir)).toBe('done');
        check(dir);
      });
    });
  },
);
