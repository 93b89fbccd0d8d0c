/** PNG files for tests, written by hand (ISO/IEC 15948): any colour type, depth and filter, interlaced or not. */
import { deflateSync } from 'node:zlib';

export interface PngOptions {
  readonly width: number;
  readonly height: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  readonly colour: 0 | 2 | 3 | 4 | 6;
  readonly depth: 1 | 2 | 4 | 8 | 16;
  /** height * width * channels samples, each of `depth` bits. */
  readonly samples: ArrayLike<number>;
  /** The filter of row i is filters[i % length]. Default [0]. */
  readonly filters?: readonly number[];
  readonly interlaced?: boolean;
  readonly palette?: readonly number[];
  /** Chunks between the header and the data. */
  readonly extra?: readonly Uint8Array[];
}

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;

export function png(options: PngOptions): Uint8Array {
  const { width, height, colour, depth, filters = [0], interlaced = false, palette, extra = [] } = options;
  const grids = interlaced
    ? ['0 8 0 8', '0 8 4 8', '4 8 0 4', '0 4 2 4', '2 4 0 2', '0 2 1 2', '1 2 0 1'].map((g) => g.split(' ').map(Number))
    : [[0, 1, 0, 1]];
  const raw: number[] = [];
  for (const [y0, dy, x0, dx] of grids as [number, number, number, number][]) {
    let above: number[] | undefined;
    for (let y = y0, n = 0; y < height && x0 < width; y += dy, n++) {
      const pixels: number[] = [];
      for (let x = x0; x < width; x += dx) pixels.push(y * width + x);
      const row = packed(pixels, options);
      const filter = filters[n % filters.length]!;
      raw.push(filter, ...filtered(row, above ?? row.map(() => 0), filter, Math.ceil((CHANNELS[colour] * depth) / 8)));
      above = row;
    }
  }
  const header = [...word(width), ...word(height), depth, colour, 0, 0, interlaced ? 1 : 0];
  const data = deflateSync(Uint8Array.from(raw));
  const half = data.length >> 1; // two pieces, as large images have
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', palette)] : []),
    ...extra,
    chunk('IDAT', data.subarray(0, half)),
    chunk('IDAT', data.subarray(half)),
    chunk('IEND', []),
  ]);
}

/** The samples of pixels as bytes: the first one in the uppermost bits. */
function packed(pixels: readonly number[], { samples, colour, depth }: PngOptions): number[] {
  const channels = CHANNELS[colour];
  const bits = pixels
    .flatMap((pixel) => Array.from({ length: channels }, (_, c) => samples[pixel * channels + c]!))
    .map((sample) => sample.toString(2).padStart(depth, '0'))
    .join('');
  return (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
}

function filtered(row: number[], above: number[], filter: number, unit: number): number[] {
  return row.map((byte, i) => {
    const [left, up, corner] = [row[i - unit] ?? 0, above[i]!, above[i - unit] ?? 0];
    const near = [left, up, corner].sort(
      (a, b) => Math.abs(left + up - corner - a) - Math.abs(left + up - corner - b),
    )[0]!; // a stable sort: of equals the first
    return (byte - [0, left, up, Math.floor((left + up) / 2), near][filter]!) & 255;
  });
}

const word = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);

export function chunk(type: string, data: ArrayLike<number>): Uint8Array {
  const body = [...Buffer.from(type, 'latin1'), ...Array.from(data)];
  return Uint8Array.from([...word(data.length), ...body, ...word(crc(body))]);
}

/** The remainder of a polynomial over bits, bit by bit. */
function crc(bytes: readonly number[]): number {
  let rest = 0xffffffff;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const top = ((rest ^ (byte >> bit)) & 1) === 1;
      rest = (rest >>> 1) ^ (top ? 0xedb88320 : 0);
    }
  return ~rest >>> 0;
}
