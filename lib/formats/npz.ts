/** .npz, numpy's format for arrays by name: a zip archive with an .npy file for each. Source: numpy.savez. */
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { checkOptions, wrongType } from '../errors.js';
import { FormatFailure, naming, quoted } from '../failure.js';
import { decodeNpy, encode, type NpyArray, type NpyInput } from './npy.js';
import { unzip, zip } from './zip.js';

const ENDING = '.npy';

/**
 * Reads the arrays of numbers that numpy.savez or savez_compressed wrote, from a path or from memory.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @returns arrays by name, as readNpy gives them. The object has no prototype: any name is just a name.
 * @throws (rejects) SteepestError ERR_FORMAT, with file, array and reason, where the archive is damaged or holds other things than arrays of
 *   numbers; TypeError where `source` is none of the three; Node's own error where the file cannot be read.
 * @example const { x, y } = await readNpz('images.npz');
 */
export async function readNpz(source: ByteSource): Promise<Readonly<Record<string, NpyArray>>> {
  const name = sourceName('readNpz', source);
  const bytes = await readSource(source);
  return naming('readNpz', name, () => {
    const arrays: Record<string, NpyArray> = Object.create(null);
    for (const [file, member] of unzip(bytes)) {
      if (!file.endsWith(ENDING))
        throw new FormatFailure(`expected files named ${ENDING} but received ${quoted(file)}`);
      const key = file.slice(0, -ENDING.length);
      arrays[key] = naming('readNpz', `${name}: array ${quoted(key)}`, () => decodeNpy(member));
    }
    return arrays;
  });
}

export interface NpzOptions {
  /** Whether the arrays are packed, as by numpy.savez_compressed. Default false, as by numpy.savez. */
  readonly compressed?: boolean;
}

/**
 * The bytes of an .npz file, which numpy.load reads. The same arrays give the same bytes.
 *
 * @throws TypeError on data of another type or an unknown option; RangeError (ERR_SHAPE) where a shape does not fit its data.
 * @example writeFileSync('images.npz', encodeNpz({ x: { shape: [2, 2], data: new Uint8Array([1, 2, 3, 4]) } }))
 */
export function encodeNpz(arrays: Readonly<Record<string, NpyInput>>, options?: NpzOptions): Uint8Array {
  checkOptions('encodeNpz', options, ['compressed']);
  const { compressed = false } = options ?? {};
  if (typeof compressed !== 'boolean') throw wrongType('encodeNpz', 'compressed', 'true or false', compressed);
  if (arrays === null || typeof arrays !== 'object') throw wrongType('encodeNpz', 'arrays', 'arrays by name', arrays);
  const files = Object.entries(arrays).map(
    ([name, array]) => [`${name}${ENDING}`, encode(`encodeNpz: ${quoted(name)}`, array)] as const,
  );
  return zip(files, compressed);
}
