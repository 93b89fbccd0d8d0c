/**
 * PNG files (ISO/IEC 15948), decoded: every colour type and depth, interlaced or not, with checked CRCs; Node's zlib inflates. Memory grows with
 * what the file holds, never with what its header claims.
 */
import { inflateSync } from 'node:zlib';
import { crc32 } from '../checksums.js';
import type { Image } from './jpeg.js';

interface Header {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly colour: number;
  readonly passes: readonly Pass[];
}
/** Every so-manieth pixel: from (x, y) on in steps of dx and dy. */
type Pass = readonly [x: number, y: number, dx: number, dy: number];

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const [GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA] = [0, 2, 3, 4, 6] as const;
const CHANNELS: Readonly<Record<number, number>> = {
  [GREY]: 1,
  [RGB]: 3,
  [PALETTE]: 1,
  [GREY_ALPHA]: 2,
  [RGB_ALPHA]: 4,
};
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  [GREY]: [1, 2, 4, 8, 16],
  [RGB]: [8, 16],
  [PALETTE]: [1, 2, 4, 8],
  [GREY_ALPHA]: [8, 16],
  [RGB_ALPHA]: [8, 16],
};
const WHOLE: readonly Pass[] = [[0, 0, 1, 1]];
/** Adam7: seven passes, each finer. */
const INTERLACED: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
/** Deflate makes of a byte at most so many. */
const MOST_INFLATED = 1032;

/**
 * The image: RGB, or one channel of grey, as the file has it; palettes are looked up, transparency is left out, of 16 bits the upper 8 stay, and
 * fewer than 8 are spread over 0 .. 255. Undefined for bytes that are no PNG image, or not all of one.
 */
export function decodePng(bytes: Uint8Array): Image | undefined {
  try {
    const { header, palette, data } = readChunks(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const { width, height, colour } = header;
    const sizes = header.passes.map((pass) => sizeOf(header, pass));
    const total = sizes.reduce((sum, { rows, bytes: row }) => sum + rows * (1 + row), 0);
    if (total > MOST_INFLATED * data.length) return undefined;
    const raw = inflateSync(data, { maxOutputLength: total });
    if (raw.length !== total) return undefined;
    const channels = colour === GREY || colour === GREY_ALPHA ? 1 : 3;
    const image = new Uint8Array(width * height * channels);
    let at = 0;
    for (const [i, pass] of header.passes.entries()) {
      const { rows, bytes: row } = sizes[i]!;
      const part = raw.subarray(at, at + rows * (1 + row));
      unfilter(part, rows, row, Math.max(1, (CHANNELS[colour]! * header.depth) >> 3));
      paint(image, channels, header, pass, part, palette);
      at += part.length;
    }
    return { shape: [height, width, channels], data: image };
  } catch {
    return undefined; // what Buffer, zlib and the functions below throw
  }
}

const broken = () => new RangeError('no PNG image');

/** Rows of a pass, and bytes of each without its filter. */
function sizeOf({ width, height, depth, colour }: Header, [x, y, dx, dy]: Pass) {
  const columns = Math.max(0, Math.ceil((width - x) / dx));
  const rows = columns === 0 ? 0 : Math.max(0, Math.ceil((height - y) / dy));
  return { columns, rows, bytes: Math.ceil((columns * CHANNELS[colour]! * depth) / 8) };
}

function readChunks(file: Buffer): { header: Header; palette: Buffer | undefined; data: Buffer } {
  if (!SIGNATURE.every((byte, i) => file[i] === byte)) throw broken();
  let header: Header | undefined;
  let palette: Buffer | undefined;
  const data: Buffer[] = [];
  for (let at = SIGNATURE.length; ; ) {
    const end = at + 8 + file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (file.readUInt32BE(end) !== crc32(file.subarray(at + 4, end))) throw broken();
    const chunk = file.subarray(at + 8, end);
    if ((header === undefined) !== (type === 'IHDR')) throw broken();
    if (type === 'IEND') break;
    if (type === 'IHDR') header = readHeader(chunk);
    else if (type === 'PLTE') palette = chunk;
    else if (type === 'IDAT') data.push(chunk);
    else if (/^[A-Z]/.test(type)) throw broken(); // a chunk that must be understood
    at = end + 4;
  }
  return { header: header!, palette, data: Buffer.concat(data) };
}

function readHeader(chunk: Buffer): Header {
  const [width, height] = [chunk.readUInt32BE(0), chunk.readUInt32BE(4)];
  const [depth, colour, compression, filter, interlace] = chunk.subarray(8) as unknown as number[];
  const known = DEPTHS[colour!]?.includes(depth!) && compression === 0 && filter === 0 && interlace! < 2;
  if (chunk.length !== 13 || !known || width === 0 || height === 0) throw broken();
  return { width, height, depth: depth!, colour: colour!, passes: interlace === 1 ? INTERLACED : WHOLE };
}

/** Rows of a filter's number and bytes become plain bytes where they lie. `unit`: from a byte to the same one of the pixel before. */
function unfilter(raw: Uint8Array, rows: number, bytes: number, unit: number): void {
  for (let row = 0; row < rows; row++) {
    const start = row * (bytes + 1);
    const filter = raw[start]!;
    if (filter > 4) throw broken();
    if (filter === 0) continue;
    for (let i = start + 1, end = start + 1 + bytes; i < end; i++) {
      const left = i - unit > start ? raw[i - unit]! : 0;
      const up = row > 0 ? raw[i - bytes - 1]! : 0;
      if (filter === 1) raw[i]! += left;
      else if (filter === 2) raw[i]! += up;
      else if (filter === 3) raw[i]! += (left + up) >> 1;
      else raw[i]! += paeth(left, up, row > 0 && i - unit > start ? raw[i - bytes - 1 - unit]! : 0);
    }
  }
}

/** The one of the three that is nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const a = Math.abs(up - corner);
  const b = Math.abs(left - corner);
  const c = Math.abs(left + up - 2 * corner);
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** Puts the pixels of a pass into the image. */
function paint(
  image: Uint8Array,
  channels: number,
  header: Header,
  pass: Pass,
  raw: Uint8Array,
  palette: Buffer | undefined,
): void {
  const { width, depth, colour } = header;
  const [x, y, dx, dy] = pass;
  const { columns, rows, bytes } = sizeOf(header, pass);
  const samples = CHANNELS[colour]!;
  const scale = colour === PALETTE ? 1 : 255 / (2 ** Math.min(depth, 8) - 1);
  /** The upper 8 bits of sample `i` of the row that begins at `row`. */
  const sample = (row: number, i: number) => {
    if (depth >= 8) return raw[row + ((i * depth) >> 3)]!;
    const bit = i * depth;
    return ((raw[row + (bit >> 3)]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1)) * scale;
  };
  for (let j = 0; j < rows; j++) {
    const row = j * (bytes + 1) + 1;
    for (let i = 0; i < columns; i++) {
      const to = ((y + j * dy) * width + x + i * dx) * channels;
      if (colour === PALETTE) {
        const entry = 3 * sample(row, i);
        if (palette === undefined || entry + 3 > palette.length) throw broken();
        for (let c = 0; c < 3; c++) image[to + c] = palette[entry + c]!;
      } else if (depth === 8) for (let c = 0; c < channels; c++) image[to + c] = raw[row + i * samples + c]!;
      else for (let c = 0; c < channels; c++) image[to + c] = sample(row, i * samples + c);
    }
  }
}
