/** A reader of PNG files (8 bits a channel, not interlaced), to look at what others and we wrote. PNG specification, 3rd edition, 9.2. */
import { crc32, inflateSync } from 'node:zlib';

export interface Png {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Row after row, from the top. */
  readonly data: Uint8Array;
}

const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 4: 2, 6: 4 };

export function readPng(file: Buffer): Png {
  if (file.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') throw new Error('no PNG file');
  const parts: Buffer[] = [];
  let head: Buffer = Buffer.alloc(13);
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const name = file.toString('latin1', at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    if (crc32(file.subarray(at + 4, at + 8 + length)) !== file.readUInt32BE(at + 8 + length))
      throw new Error(`${name}: wrong checksum`);
    if (name === 'IHDR') head = body;
    if (name === 'IDAT') parts.push(body);
    at += length + 12;
  }
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), CHANNELS[head[9]!]!];
  if (head[8] !== 8 || head[12] !== 0) throw new Error('not of 8 bits, or interlaced');
  return { width, height, channels, data: unfilter(inflateSync(Buffer.concat(parts)), width, height, channels) };
}

function unfilter(raw: Uint8Array, width: number, height: number, channels: number): Uint8Array {
  const line = width * channels;
  if (raw.length !== height * (line + 1)) throw new Error(`${raw.length} bytes of pixels`);
  const data = new Uint8Array(height * line);
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (line + 1)]!;
    for (let i = 0; i < line; i++) {
      const at = row * line + i;
      const left = i >= channels ? data[at - channels]! : 0;
      const up = row > 0 ? data[at - line]! : 0;
      const corner = i >= channels && row > 0 ? data[at - line - channels]! : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      if (guess === undefined) throw new Error(`filter ${filter}`);
      data[at] = raw[row * (line + 1) + 1 + i]! + guess;
    }
  }
  return data;
}

function paeth(a: number, b: number, c: number): number {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}
