/** What is in the engine's memory, laid out as parameters are, copied for checkpoints and put back. */
import { realArray, type Storage } from '../../backends/backend.js';
import type { SafetensorsTensor } from '../../formats/safetensors.js';
import { elements, type Tensor } from '../../graph/tensor.js';
import type { Network } from '../network.js';
import type { Contents } from './file.js';
import { PIECE_BYTES, Turns } from './turns.js';

/** Memory laid out as parameters are. */
export interface Kept {
  readonly prefix: string;
  readonly storage: Storage;
  readonly parameters: readonly Tensor[];
}

export type Tensors = Record<string, SafetensorsTensor>;

/** Copies what is in the engine's memory, when nobody else uses it; into the arrays of `spare`, which nobody needs any more, where it has them. */
export function readKept(network: Network, all: readonly Kept[], spare: Tensors = {}): Promise<Tensors> {
  return network.exclusive(async () => {
    const tensors: Tensors = {};
    const turns = new Turns();
    for (const { prefix, storage, parameters } of all)
      for (const p of parameters) {
        const { name, shape, offset, count } = placeOf(network, p);
        const values =
          (spare[prefix + name]?.data as Float32Array | undefined) ?? realArray(network.backend.precision, count);
        for (const [begin, end] of pieces(values)) {
          storage.read(values.subarray(begin, end), offset + begin);
          await turns.next();
        }
        tensors[prefix + name] = { dtype: dtypeOf(network), shape, data: values };
      }
    return tensors;
  });
}

/** Puts it back. */
export function writeKept(network: Network, all: readonly Kept[], tensors: Contents['tensors']): Promise<void> {
  return network.exclusive(async () => {
    const turns = new Turns();
    for (const { prefix, storage, parameters } of all)
      for (const p of parameters) {
        const { name, offset } = placeOf(network, p);
        const values = tensors[prefix + name]!.data as Float32Array;
        for (const [begin, end] of pieces(values)) {
          storage.write(values.subarray(begin, end), offset + begin);
          await turns.next();
        }
      }
  });
}

function* pieces({ length, BYTES_PER_ELEMENT }: Float32Array | Float64Array): Generator<[begin: number, end: number]> {
  const size = PIECE_BYTES / BYTES_PER_ELEMENT;
  for (let begin = 0; begin < length; begin += size) yield [begin, Math.min(begin + size, length)];
}

/** Where a parameter lies, and what it is called in a file. */
export function placeOf({ parameters, layout }: Network, p: Tensor) {
  const shape = p.shape as readonly number[];
  return { name: p.node.label, shape, offset: layout.offsets[parameters.indexOf(p)]!, count: elements(p.shape).fixed };
}

/** How its values are written. */
export const dtypeOf = ({ backend }: Network) => (backend.precision === 'float64' ? 'F64' : 'F32');
