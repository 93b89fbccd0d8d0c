import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { expect, test } from 'vitest';
import { tensorBoard } from '../../lib/index.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { clusters, mlp } from './tiny.js';

const folder = temporaryFolder('tensorboard');

/** Fields of a message by number. */
function fields(bytes: Uint8Array): Record<number, unknown> {
  const reader = new BinaryReader(bytes);
  const found: Record<number, unknown> = {};
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.Varint) found[field] = Number(reader.int64());
    else if (type === WireType.Bit64) found[field] = reader.double();
    else if (type === WireType.Bit32) found[field] = reader.float();
    else found[field] = reader.bytes();
  }
  return found;
}

/** The events of the one file in a folder: [step, tag, value], or the version. */
function eventsOf(path: string): unknown[] {
  const [name, ...others] = readdirSync(path);
  expect(others).toEqual([]);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
  const file = readFileSync(join(path, name!));
  const events: unknown[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const event = fields(file.subarray(at + 12, at + 12 + length));
    expect(event[1]).toBeCloseTo(Date.now() / 1000, -2);
    at += length + 16;
    if (event[3] !== undefined) events.push(Buffer.from(event[3] as Uint8Array).toString());
    else {
      const value = fields(fields(event[5] as Uint8Array)[1] as Uint8Array);
      const tag = Buffer.from(value[1] as Uint8Array).toString();
      events.push([event[2], tag, value[2] ?? (value[4] ? 'image' : value[5] ? 'histogram' : undefined)]);
    }
  }
  return events;
}

test('records of fit become scalars, at their epochs and batches', async () => {
  const path = join(folder, 'a', 'b');
  const log = tensorBoard(path);
  const model = mlp();
  const options = { epochs: 2, batchSize: 16, validationData: clusters(8, 4, 2), optimizer: 'sgd', C: 100 } as const;
  const { epochs } = await model.fit(clusters(32), { ...options, callbacks: [log], onBatchEnd: log.record });
  log.close();
  const batch = (step: number) => [
    [step, 'batch/loss', expect.any(Number)],
    [step, 'batch/accuracy', expect.any(Number)],
    [step, 'batch/learning_rate', expect.closeTo(0.01, 8)],
  ];
  const epoch = (step: number) => {
    const one = epochs[step - 1]!;
    const near = (value: number | undefined) => expect.closeTo(value!, 5);
    return [
      [step, 'loss/train', near(one.trainLoss)],
      [step, 'accuracy/train', near(one.trainAccuracy)],
      [step, 'loss/test', near(one.testLoss)],
      [step, 'accuracy/test', near(one.testAccuracy)],
      [step, 'objective', near(one.objective)],
      [step, 'learning_rate', expect.closeTo(0.01, 8)],
      [step, 'images_per_second', expect.any(Number)],
    ];
  };
  expect(eventsOf(path)).toEqual([
    'brain.Event:2',
    ...[...batch(1), ...batch(2), ...epoch(1)],
    ...[...batch(3), ...batch(4), ...epoch(2)],
  ]);
  model.dispose();
});

test('records of minimize, histograms and images', async () => {
  const path = join(folder, 'c');
  using log = tensorBoard(path);
  const model = mlp();
  const tags: [number, string][] = [];
  await model.minimize(clusters(20), {
    iterations: 1,
    onIteration: (record) => {
      log.record(record);
      tags.push([record.iteration, 'objective'], [record.iteration, 'gradient_norm']);
      if (record.iteration === 1) tags.push([1, 'alpha']);
      tags.push([record.iteration, 'lambda']);
      if (record.iteration === 1) tags.push([1, 'ratio'], [1, 'cg_steps']);
    },
  });
  log.histogram('weights', model.weights()[0]!.values, 1);
  log.histogram('nothing', [Number.NaN], 1);
  log.image('pixel', { width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) }, 1);
  log.scalar('large', 1e39, 0);
  expect(eventsOf(path)).toEqual([
    'brain.Event:2',
    ...tags.map((tag) => [...tag, expect.any(Number)]),
    [1, 'weights', 'histogram'],
    [1, 'pixel', 'image'],
    [0, 'large', Number.POSITIVE_INFINITY],
  ]);
  model.dispose();
});

test('what cannot be logged is refused', () => {
  const log = tensorBoard(join(folder, 'd'));
  expect(() => tensorBoard(5 as never)).toThrow('tensorBoard: expected a path or a file URL for path but received 5');
  expect(() => log.scalar('', 1, 1)).toThrow('expected a name for tag but received ""');
  expect(() => log.scalar('a', '1' as never, 1)).toThrow('expected a number for value but received "1"');
  expect(() => log.scalar('a', 1, -1)).toThrow('expected an integer >= 0 for step but received -1');
  expect(() => log.histogram('a', 'abc' as never, 1)).toThrow('expected an array of numbers for values');
  const image = { width: 2, height: 1, channels: 1, data: new Uint8Array(2) };
  expect(() => log.image('a', { ...image, channels: 2 }, 1)).toThrow("expected one of '1', '3', '4' for channels");
  expect(() => log.image('a', { ...image, width: 3 }, 1)).toThrow('expected 1 x 3 x 1 bytes but received 2');
  expect(() => log.image('a', { ...image, width: 1e9 }, 1)).toThrow('expected an integer in [1, 65536] for width');
  log.close();
  log.close();
  expect(() => log.scalar('a', 1, 1)).toThrow('tensorBoard: the log is closed');
  writeFileSync(join(folder, 'file'), '');
  expect(() => tensorBoard(join(folder, 'file')).scalar('a', 1, 1)).toThrow(
    expect.objectContaining({ code: 'ERR_FILE', message: expect.stringContaining('to write for events but') }),
  );
});
