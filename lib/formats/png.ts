/** PNG files, encoded (ISO/IEC 15948; the decoder is data/png.ts): 8 bits a sample, not interlaced, rows as they are: small images need no filter. */
import { deflateSync } from 'node:zlib';
import { crc32 } from '../checksums.js';

/** height * width * channels bytes, row after row from the top; 1 channel (grey), 3 (RGB) or 4 (RGB and opacity). */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOUR: Readonly<Record<number, number>> = { 1: 0, 3: 2, 4: 6 };

/** Length, name and body, and the sum of the last two. */
function chunk(name: string, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(body.length);
  bytes.write(name, 4, 'latin1');
  bytes.set(body, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
  return bytes;
}

/** The file's bytes. */
export function encodePng({ width, height, channels, data }: Pixels): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, COLOUR[channels]!], 8);
  const row = width * channels;
  const raw = Buffer.alloc(height * (row + 1)); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) raw.set(data.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    ...[chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND', new Uint8Array())],
  ]);
}
