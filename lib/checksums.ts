/** Cyclic redundancy checks of 32 bits, a byte at a time: the remainder's table is made from the polynomial, its bits in reversed order. */

function sums(polynomial: number): (bytes: Uint8Array) => number {
  const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
    return remainder;
  });
  return (bytes) => {
    let remainder = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) remainder = remainders[(remainder ^ bytes[i]!) & 255]! ^ (remainder >>> 8);
    return ~remainder >>> 0;
  };
}

/** CRC-32, of zip archives and PNG files. zlib has it too, but not in each Node 20. */
export const crc32 = sums(0xedb88320);
/** CRC-32C (Castagnoli), of TFRecord files. */
export const crc32c = sums(0x82f63b78);
