// Whether memory stays flat over a long life: node --expose-gc bench/soak.mjs [--steps N] [--models N] [--device NAME] [--most MIB] [--json]
// First one model is trained for so many steps (10,000); then so many models (1,000) are made, trained, evaluated and asked, a half of them disposed,
// the others dropped. The process's resident memory is read 40 times a part; what counts is how far the last quarter's median lies above the second's (the
// first is warm-up). The exit code is 1 where that is more than --most (8 MiB), or where steepest holds more at the end than at the beginning.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const { conv2d, dense, digits, flatten, maxPool2d, memory, sequential } = createRequire(import.meta.url)(
  '../dist/index.js',
);
const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000' },
    models: { type: 'string', default: '1000' },
    device: { type: 'string', default: 'cpu' },
    most: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
if (globalThis.gc === undefined) throw new Error('start it as: node --expose-gc bench/soak.mjs');

const SAMPLES = 40;
const BATCH = 16;
const MIB = 2 ** 20;
const data = digits({ count: 512, seed: 1 });
const some = { x: data.x.subarray(0, 64 * 784), y: data.y.subarray(0, 64) };
const network = (seed) =>
  sequential({ inputShape: [28, 28, 1], seed, device: values.device, threads: 2 }, [
    conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }),
    maxPool2d(),
    flatten(),
    dense({ units: 10 }),
  ]);

/** Garbage is gone, with what its finalizers free. */
async function settle() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Does `work` SAMPLES times; the resident memory after each, and how far it grew, in MiB. */
async function watch(work) {
  const resident = [];
  for (let i = 0; i < SAMPLES; i++) {
    await work(i);
    await settle();
    resident.push(process.memoryUsage.rss() / MIB);
  }
  const quarter = (n) => median(resident.slice((n * SAMPLES) / 4, ((n + 1) * SAMPLES) / 4));
  return { resident: resident.map(Math.round), growth: quarter(3) - quarter(1) };
}

async function trainOn() {
  const model = network(1);
  const batches = Math.ceil(Number(values.steps) / SAMPLES);
  const epochs = Math.max(1, Math.round(batches / (512 / BATCH)));
  const found = await watch(() => model.fit(data, { epochs, batchSize: BATCH }));
  model.dispose();
  return { steps: SAMPLES * epochs * (512 / BATCH), ...found };
}

async function makeModels() {
  const each = Math.ceil(Number(values.models) / SAMPLES);
  const one = async (i) => {
    const model = network(i);
    await model.fit(some, { batchSize: 8 + (i % 3), optimizer: i % 2 === 0 ? 'adam' : 'sgd' });
    await model.evaluate(some);
    await model.predict(some.x);
    if (i % 2 === 0) model.dispose();
  };
  const found = await watch(async (part) => {
    for (let i = 0; i < each; i++) await one(part * each + i);
  });
  return { models: SAMPLES * each, ...found };
}

const [began, before] = [performance.now(), memory(values.device)];
const result = { steps: await trainOn(), models: await makeModels() };
await settle();
const { scratch, ...after } = memory(values.device);
const held = after.total - scratch - (before.total - before.scratch);
const seconds = (performance.now() - began) / 1000;
const flat = held === 0 && [result.steps, result.models].every(({ growth }) => growth <= Number(values.most));
if (values.json) console.log(JSON.stringify({ ...result, held, scratch, seconds, flat }));
else {
  const line = ({ resident, growth }) =>
    `resident ${resident[0]} to ${resident.at(-1)} MiB, ${growth.toFixed(1)} MiB grown after the first quarter`;
  console.log(`${result.steps.steps} steps: ${line(result.steps)}`);
  console.log(`${result.models.models} models: ${line(result.models)}`);
  console.log(
    `held at the end: ${held} bytes more than at the beginning, and ${scratch} of scratch; ${seconds.toFixed(0)} s`,
  );
  console.log(flat ? 'flat' : `not flat: more than ${values.most} MiB`);
}
process.exitCode = flat ? 0 : 1;
