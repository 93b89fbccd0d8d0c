/** Reads numpy's .npz: a zip archive of .npy members (numpy.lib.format), little-endian. */
import { unzipSync } from 'fflate';

const types = { '<f8': Float64Array, '<f4': Float32Array, '<i4': Int32Array, '|u1': Uint8Array };

/** The arrays of an archive by name, each row after row. */
export function readNpz(bytes: Uint8Array): Record<string, Float64Array | Float32Array | Int32Array | Uint8Array> {
  return Object.fromEntries(
    Object.entries(unzipSync(bytes)).map(([file, member]) => {
      const start = 10 + member[8]! + 256 * member[9]!; // version 1: magic, version and the header's length are 10 bytes
      const header = Buffer.from(member.subarray(10, start)).toString('latin1');
      const type = types[/'descr': '([^']+)'/.exec(header)?.[1] as keyof typeof types];
      if (type === undefined || !header.includes("'fortran_order': False")) throw new Error(`${file}: ${header}`);
      return [file.replace(/\.npy$/, ''), new type(member.slice(start).buffer)];
    }),
  );
}
