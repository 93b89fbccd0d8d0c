/**
 * Learning curves: steepest and PyTorch train the same network on real images, from the same weights and with the same batches in the same
 * order, one after the other. An epoch's line tells both mean losses; they need not agree to many digits (rounding errors grow with the
 * steps), but must fall alike.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { round } from './compare.js';
import { KEEP_MEMORY, torchEnvironment } from './environment.js';
import { flag, text, usualBatch, whole } from './options.js';
import { MOMENTUM, makeSubject, root, type Subject, steepest, writeSubject } from './subject.js';
import { Worker } from './worker.js';

export interface LearnOptions {
  readonly model: string;
  /** CIFAR-10's folder: train/<class>/*.jpg. */
  readonly dataDir: string;
  /** Training images, evenly from all classes. */
  readonly limit: number;
  readonly epochs: number;
  readonly rate: number;
  readonly threads: number;
  readonly python: string;
  readonly variant: string;
  readonly json: boolean;
}

/** @throws TypeError on an unknown option, RangeError on a value out of range */
export function readLearnOptions(argv: readonly string[]): LearnOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      learn: flag,
      models: { ...text, default: 'resnet18' },
      'data-dir': text,
      limit: { ...text, default: '6400' },
      epochs: { ...text, default: '2' },
      rate: { ...text, default: '0.02' },
      threads: { ...text, default: '2' },
      python: { ...text, default: 'python3' },
      variants: { ...text, default: 'channels_last' },
      json: flag,
    },
  });
  const rate = Number(values.rate);
  if (!(rate > 0 && rate < Number.POSITIVE_INFINITY))
    throw new RangeError(`--rate: expected a number > 0 but received '${values.rate}'`);
  if (values['data-dir'] === undefined) throw new RangeError('--data-dir: expected the folder of CIFAR-10');
  return {
    model: values.models,
    dataDir: values['data-dir'],
    limit: whole('limit', values.limit, 1),
    epochs: whole('epochs', values.epochs, 1),
    rate,
    threads: whole('threads', values.threads, 1),
    python: values.python,
    variant: values.variants,
    json: values.json,
  };
}

/** What a rival tells of an epoch. */
export interface Epoch {
  /** Mean loss of the epoch's steps, by their rows. */
  readonly loss: number;
  readonly seconds: number;
}

export function learnRow(
  { model, threads, limit, variant }: LearnOptions,
  epoch: number,
  ours: Epoch,
  theirs: Epoch,
): Record<string, string | number> {
  return {
    ...{ bench: 'learn-peer', model, threads, images: limit, epoch, torchVariant: variant },
    ...{ steepestLoss: Number(ours.loss.toPrecision(6)), torchLoss: Number(theirs.loss.toPrecision(6)) },
    ...{ steepestSeconds: round(ours.seconds), torchSeconds: round(theirs.seconds) },
  };
}

/** The rows in an order that mixes the classes: that of the files is class by class. */
async function mixed(x: Uint8Array, y: Int32Array): Promise<{ x: Float32Array; labels: Int32Array }> {
  const size = x.length / y.length;
  const order = await steepest.order().shuffledRows(y.length, 1, 0x6c6e, 0);
  const images = new Float32Array(x.length);
  for (const [to, from] of order.entries())
    for (let i = 0; i < size; i++) images[to * size + i] = x[from * size + i]! / 255;
  return { x: images, labels: Int32Array.from(order, (from) => y[from]!) };
}

async function ours({ network, x, labels }: Subject, { epochs, rate, model }: LearnOptions): Promise<Epoch[]> {
  const optimizer = steepest.momentum().momentum({ learningRate: rate, momentum: MOMENTUM });
  const options = { epochs, batchSize: usualBatch(model), shuffle: false, metrics: ['loss'], optimizer } as const;
  const run = steepest.fit().startFit(
    network,
    { x, y: labels },
    options,
    () => optimizer,
    () => {},
  );
  return (await run).epochs.map(({ trainLoss, seconds }) => ({ loss: trainLoss, seconds }));
}

/** The command: a line an epoch. */
export async function benchLearn(argv: readonly string[]): Promise<void> {
  const options = readLearnOptions(argv);
  const { model, dataDir, limit, epochs, rate, threads, python, variant } = options;
  const { train } = await steepest.cifar10().cifar10(dataDir, { limit });
  const subject = {
    ...makeSubject({ model, mode: 'train', batch: 1, device: 'cpu', threads }),
    ...(await mixed(train.x, Int32Array.from(train.y))),
    batch: train.count,
  };
  const folder = mkdtempSync(join(tmpdir(), 'steepest-learn-'));
  const script = join(root, 'bench', 'peers', 'torch_worker.py');
  const torch = new Worker('torch', python, [script, `${threads}`], { ...torchEnvironment(threads), ...KEEP_MEMORY });
  try {
    writeSubject(folder, subject);
    await torch.ask('load', folder);
    const { epochs: theirs } = await torch.ask<{ epochs: Epoch[] }>('learn', variant, epochs, usualBatch(model), rate);
    for (const [i, epoch] of (await ours(subject, options)).entries()) {
      const row = learnRow({ ...options, limit: train.count }, i + 1, epoch, theirs[i]!);
      process.stdout.write(
        options.json
          ? `${JSON.stringify(row)}\n`
          : `epoch ${row.epoch}: loss ${row.steepestLoss}, torch ${row.torchLoss}; ${row.steepestSeconds} s, torch ${row.torchSeconds} s\n`,
      );
    }
  } finally {
    torch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
