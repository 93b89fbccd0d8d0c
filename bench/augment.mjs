// Augmentation: what it costs a thread, and what training on augmented batches loses by it.
//   node bench/augment.mjs [--models cnn4,resnet18] [--workers 1] [--seconds 4]
// First images of 32 x 32 x 3 bytes a second of one thread (by its processor time); then training with 2 threads, in memory, from a pipeline, and from a
// pipeline with augmentation: images a second, and the part of the time in which the engine's next batch was not there yet.
import { parseArgs } from 'node:util';
import { augment, cnn4, pipeline, resnet18, sequential, vgg11 } from 'steepest';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'cnn4,resnet18' },
    workers: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '4' },
  },
});
const { flip, cropPadded, rotate, cutout, brightness, normalize } = augment;
const cifar = normalize({ mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] });
const lists = {
  'flip, crop': [flip(), cropPadded(4)],
  'flip, crop, cutout, normalize': [flip(), cropPadded(4), cutout(8), cifar],
  'flip, crop, rotate, brightness, cutout, normalize': [
    ...[flip(), cropPadded(4), rotate(10), brightness(0.2), cutout(8), cifar],
  ],
};
const count = 12_800;
const shape = [32, 32, 3];
const data = {
  x: Uint8Array.from({ length: count * 3072 }, (_, i) => (i * 2654435761) >>> 24),
  y: Uint8Array.from({ length: count }, (_, i) => i % 10),
  shape,
};

/** Steps that do not count. */
const WARM_UP = 3;

async function drain(batches) {
  let rows = 0;
  for await (const { y } of batches) rows += y.length;
  return rows;
}

for (const [name, list] of Object.entries({ 'batches alone': [], ...lists })) {
  const batches = pipeline(data).take(6400).batch(128, { augment: list, workers: 0 });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    const rows = await drain(batches);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / rows);
  }
  console.log(
    `${name}: ${best.toFixed(1)} us an image, ${Math.round(1e6 / best).toLocaleString('en-US')} images/s a thread`,
  );
}

/** Trains for some seconds; what a second did, and how long the engine waited. */
async function train(name, batchSize, source) {
  const network = { cnn4, resnet18, vgg11 }[name]();
  const model = sequential({ inputShape: shape, seed: 1, threads: 2 }, network.layers);
  const [ready, ended] = [[], []];
  const watched = async function* (epoch) {
    for await (const batch of source.epoch(epoch)) {
      ready.push(performance.now());
      yield batch;
    }
  };
  const run = model.fit(source === data ? data : watched, {
    batchSize,
    epochs: 1e6,
    onBatchEnd: () => {
      ended.push(performance.now());
      if (ended.at(-1) - ended[WARM_UP] > 1000 * Number(values.seconds)) run.stop();
    },
  });
  await run;
  model.dispose();
  const seconds = (ended.at(-1) - ended[WARM_UP]) / 1000;
  const waited = ended.slice(WARM_UP, -1).reduce((sum, end, i) => {
    return sum + Math.max(0, (ready[WARM_UP + i + 1] ?? 0) - end) / 1000;
  }, 0);
  return { rate: ((ended.length - 1 - WARM_UP) * batchSize) / seconds, idle: waited / seconds };
}

for (const name of values.models.split(',')) {
  const batchSize = name === 'resnet18' ? 64 : 128;
  const workers = Number(values.workers);
  const of = (list) => pipeline(data).shuffle({ seed: 1 }).batch(batchSize, { augment: list, workers });
  const memory = await train(name, batchSize, data);
  console.log(`${name}, batch ${batchSize}, in memory: ${Math.round(memory.rate)} images/s`);
  for (const [label, list] of Object.entries({ 'no augmentation': [], ...lists })) {
    const { rate, idle } = await train(name, batchSize, of(list));
    console.log(
      `  pipeline, ${label}: ${Math.round(rate)} images/s, ${((100 * rate) / memory.rate).toFixed(0)} % of memory; the engine waited ${(100 * idle).toFixed(1)} %`,
    );
  }
}
