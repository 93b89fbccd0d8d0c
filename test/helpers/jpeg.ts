/**
 * Tiny JPEG files for tests, made by hand (ITU T.81, baseline): one block of 8 x 8 of one colour, so each component has its mean (DC) and
 * no other coefficient. All quantizers are 1; a DC code is its category in 4 bits, the one AC code (end of block) a single 0.
 */

const segment = (marker: number, ...bytes: number[]) => [0xff, marker, 0, bytes.length + 2, ...bytes];

/** A JPEG image [height, width, components.length], sizes up to 8, of one colour: [grey], or [Y, Cb, Cr]. */
export function jpeg(components: readonly number[], height = 8, width = 8): Uint8Array {
  const bits = components.map(blockBits).join('');
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  const scan = Array.from({ length: padded.length / 8 }, (_, i) => Number.parseInt(padded.slice(8 * i, 8 * i + 8), 2));
  const ids = components.map((_, i) => i + 1);
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...segment(0xdb, 0, ...new Array(64).fill(1)),
    ...segment(0xc0, 8, 0, height, 0, width, ids.length, ...ids.flatMap((id) => [id, 0x11, 0])),
    ...segment(0xc4, 0x00, 0, 0, 0, 12, ...new Array(12).fill(0), ...Array.from({ length: 12 }, (_, i) => i)),
    ...segment(0xc4, 0x10, 1, ...new Array(15).fill(0), 0),
    ...segment(0xda, ids.length, ...ids.flatMap((id) => [id, 0]), 0, 63, 0),
    ...scan.flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte])),
    ...[0xff, 0xd9],
  ]);
}

/** The DC coefficient 8 (value - 128) of a block, and its end. */
function blockBits(value: number): string {
  const dc = 8 * (value - 128);
  const category = dc === 0 ? 0 : Math.floor(Math.log2(Math.abs(dc))) + 1;
  const rest = dc < 0 ? dc + 2 ** category - 1 : dc;
  const digits = category === 0 ? '' : rest.toString(2).padStart(category, '0');
  return `${category.toString(2).padStart(4, '0')}${digits}0`;
}

/**
 * A black, progressive image [size, size, 1] in as many scans as there can be: after the DC coefficients, each of the 63 others in a scan of its own, bit
 * after bit. Every scan is a few runs of blocks without anything. `size` is a multiple of 8.
 */
export function manyScans(size: number): Uint8Array {
  const blocks = (size / 8) ** 2;
  const scan = (band: number, before: number, bit: number) => segment(0xda, 1, 1, 0, band, band, 16 * before + bit);
  // The code 0 is a run of 2^14 blocks and 14 bits more; the last code 10 is the end of one block.
  const runs = ['0'.padEnd(15, '1').repeat(Math.floor(blocks / 32767)), '10'.repeat(blocks % 32767)].join('');
  const bits = runs.padEnd(Math.ceil(runs.length / 8) * 8, '1');
  const bytes = Array.from({ length: bits.length / 8 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2));
  const body = bytes.flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte]));
  const scans: number[] = [];
  for (let band = 1; band < 64; band++)
    for (let bit = 13; bit >= 0; bit--) scans.push(...scan(band, bit === 13 ? 0 : bit + 1, bit), ...body);
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...segment(0xdb, 0, ...new Array(64).fill(1)),
    ...segment(0xc2, 8, size >> 8, size & 255, size >> 8, size & 255, 1, 1, 0x11, 0),
    ...segment(0xc4, 0x00, 1, ...new Array(15).fill(0), 0),
    ...segment(0xc4, 0x10, 1, 1, ...new Array(14).fill(0), 0xe0, 0),
    ...scan(0, 0, 0),
    ...new Array(Math.ceil(blocks / 8)).fill(0),
    ...scans,
    ...[0xff, 0xd9],
  ]);
}
