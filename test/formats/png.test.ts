import { expect, test } from 'vitest';
import { decodePng } from '../../lib/data/png.js';
import { encodePng } from '../../lib/formats/png.js';
import { RandomStream } from '../../lib/random.js';

test.each([
  [1, 1, 1],
  [5, 3, 1],
  [4, 7, 3],
  [64, 64, 3],
])('%d x %d pixels of %d channels come back', (width, height, channels) => {
  const random = new RandomStream(1, 0);
  const data = Uint8Array.from({ length: width * height * channels }, () => random.below(256));
  const image = decodePng(encodePng({ width, height, channels, data }))!;
  expect(image.shape).toEqual([height, width, channels]);
  expect(Buffer.from(image.data).equals(data)).toBe(true);
});

test('opacity is a fourth channel', () => {
  const data = Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 0);
  const file = encodePng({ width: 2, height: 1, channels: 4, data });
  expect(file[25]).toBe(6); // RGBA
  expect([...decodePng(file)!.data]).toEqual([1, 2, 3, 4, 5, 6]);
});
