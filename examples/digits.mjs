// Trains LeNet on the built-in digits and shows what the native kernels are worth: `npm start`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
if (!existsSync(join(dist, 'index.js'))) {
  console.error(`examples/digits.mjs: expected the built package in ${dist}; run 'npm run build' first`);
  process.exit(1);
}
const { SingleBar } = (await import('cli-progress')).default;
const { digits, lenet, sequential } = await import('steepest');

/** With native kernels: a training of some seconds. Without: what plain TypeScript does in less than a minute. */
const NATIVE = { train: 10_000, test: 2_000, epochs: 3, batchSize: 128 };
const REFERENCE = { train: 250, test: 100, epochs: 1, batchSize: 10 };

const number = (value, places = 0) =>
  value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });

/** A bar that follows a run's progress on a terminal; elsewhere nothing. */
function progressBar() {
  if (!process.stdout.isTTY) return { update() {}, clear() {} };
  const format = 'epoch {epoch} [{bar}] step {value}/{total}, loss {loss}';
  const bar = new SingleBar({ format, barsize: 32, hideCursor: true, clearOnComplete: true, stream: process.stdout });
  let drawn = false;
  return {
    update({ epoch, epochs, step, steps, loss }) {
      const fields = { epoch: `${epoch}/${epochs}`, loss: loss.toFixed(4) };
      if (!drawn) bar.start(steps, step, fields);
      drawn = true;
      bar.update(step, fields);
    },
    clear() {
      if (drawn) bar.stop();
      drawn = false;
    },
  };
}

const makeModel = (device) => sequential({ inputShape: [28, 28, 1], seed: 1, device }, lenet().layers);

/** Trains, shows every epoch, and returns the last one's record. Ctrl-C ends the training after the step in flight. */
async function train(model, { train, test, epochs, batchSize }) {
  const bar = progressBar();
  const run = model.fit(digits({ count: train, seed: 1 }), {
    epochs,
    batchSize,
    validationData: digits({ count: test, seed: 1, split: 'test' }),
    onProgress: (progress) => bar.update(progress),
  });
  const stop = () => run.stop();
  process.once('SIGINT', stop);
  let last;
  for await (const record of run) {
    bar.clear();
    last = record;
    const accuracy = record.testAccuracy === undefined ? '' : `, test accuracy ${record.testAccuracy.toFixed(4)}`;
    const { epoch, trainLoss, seconds, imagesPerSecond } = record;
    console.log(
      `epoch ${epoch}/${epochs}: loss ${trainLoss.toFixed(4)}${accuracy}, ${number(seconds, 1)} s, ${number(imagesPerSecond)} images/s`,
    );
  }
  process.removeListener('SIGINT', stop);
  bar.clear();
  if ((await run).stopped) process.exit(130);
  return last;
}

/** Images a second of a training step on the pure-TypeScript path: a step to warm up, then the median of three. */
async function referenceSpeed() {
  const batchSize = 16;
  const model = makeModel('reference');
  const data = digits({ count: batchSize, seed: 1 });
  const { epochs } = await model.fit(data, { epochs: 4, batchSize });
  model.dispose();
  const speeds = epochs.slice(1).map((record) => record.imagesPerSecond);
  return speeds.sort((a, b) => a - b)[1];
}

const model = makeModel('auto');
const native = model.device.name !== 'reference';
const plan = native ? NATIVE : REFERENCE;
console.log(`LeNet on the built-in digits: ${number(model.parameterCount)} parameters, ${model.device.description}`);
if (!native)
  console.log(
    `no native kernels (${model.device.reason}): ${number(plan.train)} images on the TypeScript path, which takes about a minute`,
  );

const last = await train(model, plan);
console.log(`test accuracy ${last.testAccuracy.toFixed(4)} on ${number(plan.test)} images the network has not seen`);
console.log(`training: ${number(last.imagesPerSecond)} images per second on ${model.device.description}`);
if (native) {
  const reference = await referenceSpeed();
  const times = number(last.imagesPerSecond / reference);
  console.log(
    `the same step in pure TypeScript: ${number(reference, 1)} images per second; the native kernels are ${times} times as fast`,
  );
}
model.dispose();
