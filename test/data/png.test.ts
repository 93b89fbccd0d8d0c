/** PNG images: every colour type, depth, filter and interlacing, against the samples they were written from. */
import { describe, expect, it } from 'vitest';
import { decodePng } from '../../lib/data/png.js';
import { RandomStream } from '../../lib/random.js';
import { chunk, type PngOptions, png } from '../helpers/png.js';

const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;
const depths = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] } as const;
const palette = Array.from({ length: 3 * 256 }, (_, i) => (i * 37 + (i >> 3)) & 255);

/** An image of random samples, and the bytes that it should become. */
function random(colour: PngOptions['colour'], depth: PngOptions['depth'], width: number, height: number) {
  const stream = new RandomStream(1, colour, depth + width);
  const n = channels[colour];
  const samples = Array.from({ length: width * height * n }, () => stream.below(2 ** depth));
  const byte = (sample: number) => (depth === 16 ? sample >> 8 : Math.round((sample * 255) / (2 ** depth - 1)));
  const kept = colour === 0 || colour === 4 ? 1 : 3;
  const expected = Array.from({ length: width * height }, (_, pixel) =>
    Array.from({ length: kept }, (_, c) =>
      colour === 3 ? palette[3 * samples[pixel]! + c]! : byte(samples[pixel * n + c]!),
    ),
  ).flat();
  const used = colour === 3 ? { palette: palette.slice(0, 3 * 2 ** depth) } : {};
  return { options: { width, height, colour, depth, samples, ...used }, expected, shape: [height, width, kept] };
}

const kinds = ([0, 2, 3, 4, 6] as const).flatMap((colour) => depths[colour].map((depth) => [colour, depth] as const));

describe('decodePng', () => {
  it.each(kinds)('reads colour type %d with %d bits, every filter, interlaced or not', (colour, depth) => {
    for (const [width, height] of [
      [1, 1],
      [5, 11],
      [17, 3],
    ] as const) {
      const { options, expected, shape } = random(colour, depth, width, height);
      for (const interlaced of [false, true])
        for (const filters of [[1], [2], [3], [4, 0, 3, 4, 1, 2]]) {
          const image = decodePng(png({ ...options, filters, interlaced }));
          expect(image?.shape).toEqual(shape);
          expect([...image!.data]).toEqual(expected);
        }
    }
  });

  const { options } = random(2, 8, 6, 5);
  const good = png(options);

  it('passes over chunks that need not be understood, and over what follows the end', () => {
    const extra = [chunk('tEXt', [65, 0, 66]), chunk('gAMA', [0, 0, 177, 143])];
    const plain = decodePng(good);
    expect(decodePng(Buffer.concat([png({ ...options, extra }), Buffer.from('after the end')]))).toEqual(plain);
    expect(decodePng(Buffer.concat([Buffer.alloc(3), good]).subarray(3))).toEqual(plain);
  });

  it('refuses what is no whole image', () => {
    const { options: indexed } = random(3, 4, 4, 4);
    const size = (width: number, height: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(width, 0);
      bytes.writeUInt32BE(height, 4);
      return chunk('IHDR', [...bytes, 8, 2, 0, 0, 0]);
    };
    const sized = (width: number, height: number) =>
      Buffer.concat([good.subarray(0, 8), size(width, height), good.subarray(33)]);
    expect(decodePng(sized(6, 5))).toEqual(decodePng(good));
    const cases: Record<string, Uint8Array> = {
      nothing: new Uint8Array(0),
      signature: good.subarray(0, 8),
      'a cut file': good.subarray(0, -13),
      'a wrong sum': good.map((byte, i) => (i === 45 ? byte ^ 1 : byte)),
      'a chunk that must be understood': png({ ...options, extra: [chunk('ABCD', [])] }),
      'two headers': png({ ...options, extra: [good.subarray(8, 33)] }),
      'more pixels than the data can hold': sized(60_000, 60_000),
      'a row more than there is': sized(6, 6),
      'a row fewer than there are': sized(6, 4),
      'no pixels': sized(6, 0),
      'an index without a colour': png({ ...indexed, palette: palette.slice(0, 9) }),
      'no palette': png({ ...indexed, palette: undefined! }),
      'a filter that there is not': png({ ...options, filters: [5] }),
      'a depth that there is not': png({ ...options, depth: 4, samples: options.samples.map((v) => v & 15) }),
    };
    for (const [name, bytes] of Object.entries(cases)) expect(decodePng(bytes), name).toBeUndefined();
  });
});
