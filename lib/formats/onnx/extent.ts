/**
 * How much there is to read in an ONNX file, before it is read: fields and packed whole numbers, each of which costs the reader an object of some hundred
 * bytes and a microsecond, while a file may hold one in a byte or two. Networks have some thousand; weights are bytes in a row, whatever their number.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FormatFailure } from '../../failure.js';

const MOST = 1 << 20;

/** Throws a FormatFailure where it is more than any network needs, or no message of this kind. */
export function checkExtent(bytes: Uint8Array, schema: DescMessage): void {
  const reader = new BinaryReader(bytes);
  let left = MOST;
  const spend = (count: number) => {
    left -= count;
    if (left < 0)
      throw new FormatFailure(
        `expected an ONNX file of at most ${MOST.toLocaleString('en-US')} fields and whole numbers but received more`,
      );
  };
  const message = (end: number, { fields }: DescMessage) => {
    const known = new Map(fields.map((field) => [field.number, field]));
    while (reader.pos < end) {
      const [number, type] = reader.tag();
      spend(1);
      if (type !== WireType.LengthDelimited) {
        reader.skip(type, number);
        continue;
      }
      const length = reader.uint32();
      const inside = reader.pos + length;
      if (inside > end) throw new RangeError('premature EOF');
      const field = known.get(number);
      if (field?.message !== undefined) message(inside, field.message);
      else if (isPacked(field)) spend(varints(bytes, reader.pos, inside));
      reader.pos = inside;
    }
  };
  message(bytes.length, schema);
}

/** Whole numbers of any length. */
const isPacked = (field: DescField | undefined) =>
  field?.fieldKind === 'list' && field.listKind === 'scalar' && field.scalar === ScalarType.INT64;

/** The last byte of each has its highest bit clear. */
function varints(bytes: Uint8Array, begin: number, end: number): number {
  let count = 0;
  for (let i = begin; i < end; i++) if (bytes[i]! < 0x80) count++;
  return count;
}
