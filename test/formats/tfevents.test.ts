import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeEvent, frame, histogramOf } from '../../lib/formats/tfevents.js';

test("the bytes are those of TensorBoard's own writer (test/golden/tfevents.py)", () => {
  const golden = JSON.parse(readFileSync(join(__dirname, '../golden/tfevents.json'), 'utf8'));
  const wallTime = 1_700_000_001;
  const histogram = {
    ...{ edges: [-1, 0, 1, 2], counts: [1, 1, 2], count: 4, sum: 1.5, sumOfSquares: 5.25 },
  };
  const image = { png: Uint8Array.from({ length: 200 }, (_, i) => i), width: 3, height: 2, channels: 1 };
  const events = [
    encodeEvent({ wallTime: 1_700_000_000.25, fileVersion: 'brain.Event:2' }),
    encodeEvent({ wallTime, step: 1, tag: 'loss/train', value: { scalar: 0.1 } }),
    encodeEvent({ wallTime, step: 2 ** 40, tag: 'Größe', value: { scalar: -2.5 } }),
    encodeEvent({ wallTime, step: 3, tag: 'weights', value: { histogram } }),
    encodeEvent({ wallTime, step: 4, tag: 'filter', value: { image } }),
  ];
  expect(Buffer.concat(events.map(frame)).toString('base64')).toBe(golden.file);
});

test('a histogram has buckets from the least to the largest value', () => {
  const histogram = histogramOf([0, 1, 9, 10, Number.NaN, 2.5, Number.POSITIVE_INFINITY, 5], 4)!;
  expect(histogram).toMatchObject({ count: 6, sum: 27.5, sumOfSquares: 213.25 });
  expect([...Array.from(histogram.edges)]).toEqual([0, 2.5, 5, 7.5, 10]);
  expect([...Array.from(histogram.counts)]).toEqual([2, 1, 1, 2]);
  expect(histogramOf([])).toBeUndefined();
  expect(histogramOf([Number.NaN])).toBeUndefined();
  const equal = histogramOf(Float32Array.of(3, 3), 5)!;
  expect([equal.edges[0], equal.edges[5], ...Array.from(equal.counts)]).toEqual([2.5, 3.5, 0, 0, 2, 0, 0]);
  for (const huge of [1e308, 5e-324])
    expect(Array.from(histogramOf([-huge, huge])!.counts).reduce((a, b) => a + b)).toBe(2);
});
