/** The JPEG decoder takes no more memory and time than a file of its size can ask for. */
import { describe, expect, it } from 'vitest';
import { jpegDecoder } from '../../lib/data/jpeg.js';
import { jpeg, manyScans } from '../helpers/jpeg.js';

const FRAME = 2 + 69; // of jpeg()'s files: behind the quantizers

/** The file with other sizes in its frame. */
function resized(height: number, width: number): Uint8Array {
  const bytes = jpeg([90, 20, 200]);
  expect([...bytes.subarray(FRAME, FRAME + 2)]).toEqual([0xff, 0xc0]);
  new DataView(bytes.buffer).setUint32(FRAME + 5, height * 65536 + width);
  return bytes;
}

describe('jpegDecoder', () => {
  it('refuses a small file that says it is a large image, before it makes room', async () => {
    const decoder = await jpegDecoder();
    const before = process.resourceUsage().maxRSS;
    for (const [height, width] of [
      [3000, 3000],
      [6000, 6000],
      [65535, 65535],
    ] as const)
      expect(decoder(resized(height, width))).toBeUndefined();
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(20_000); // KiB
    expect(decoder(resized(8, 8))?.shape).toEqual([8, 8, 3]);
  });

  it('refuses hundreds of scans of a large image', async () => {
    const decoder = await jpegDecoder();
    expect(decoder(manyScans(64))?.shape).toEqual([64, 64, 1]);
    expect(decoder(manyScans(4096))).toBeUndefined();
  });
});
