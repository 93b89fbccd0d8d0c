/**
 * Events of TensorBoard: TFRecord frames (a length and the bytes, each with its masked CRC-32C) of protobuf messages. Fields are those of TensorFlow's
 * event.proto, summary.proto and histogram.proto; the framing is in its "TFRecord and tf.train.Example" guide.
 */
import { createRequire } from 'node:module';
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { crc32c } from '../checksums.js';

/** Counts of values between neighbouring edges; there is one edge more than counts. */
export interface Histogram {
  readonly edges: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
  /** Of the values: how many, their sum and that of their squares. */
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
}

/** An image as a PNG file. */
export interface EncodedImage {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 (grey), 3 (RGB) or 4 (RGB and opacity). */
  readonly channels: number;
}

export type EventValue =
  | { readonly scalar: number }
  | { readonly histogram: Histogram }
  | { readonly image: EncodedImage };

/** What happens: the first event of a file tells its version, the others a value at a step. */
export type Event = { readonly wallTime: number } & (
  | { readonly fileVersion: string }
  | { readonly step: number; readonly tag: string; readonly value: EventValue }
);

/** Loaded with the first event. */
let wire: typeof import('@bufbuild/protobuf/wire') | undefined;

function newWriter(): BinaryWriter {
  wire ??= createRequire(__filename)('@bufbuild/protobuf/wire') as typeof import('@bufbuild/protobuf/wire');
  return new wire.BinaryWriter();
}

const [VARINT, BITS64, LENGTH, BITS32] = [0, 1, 2, 5] as const;

/** A message within a message. */
function message(writer: BinaryWriter, field: number, fill: (writer: BinaryWriter) => void): void {
  writer.tag(field, LENGTH).fork();
  fill(writer);
  writer.join();
}

/** The bytes of tensorflow.Event. */
export function encodeEvent(event: Event): Uint8Array {
  const writer = newWriter();
  writer.tag(1, BITS64).double(event.wallTime);
  if ('fileVersion' in event) writer.tag(3, LENGTH).string(event.fileVersion);
  else {
    const { step, tag, value } = event;
    writer.tag(2, VARINT).int64(step);
    message(writer, 5, (summary) =>
      message(summary, 1, (one) => {
        one.tag(1, LENGTH).string(tag);
        if ('scalar' in value) one.tag(2, BITS32).float(toFloat(value.scalar));
        else if ('image' in value) message(one, 4, (m) => writeImage(m, value.image));
        else message(one, 5, (m) => writeHistogram(m, value.histogram));
      }),
    );
  }
  return writer.finish();
}

/** The nearest float32; the writer refuses finite numbers beyond its range. */
const toFloat = (value: number) => Math.fround(value);

function writeImage(writer: BinaryWriter, { png, width, height, channels }: EncodedImage): void {
  writer.tag(1, VARINT).int32(height).tag(2, VARINT).int32(width).tag(3, VARINT).int32(channels);
  writer.tag(4, LENGTH).bytes(png);
}

function writeHistogram(writer: BinaryWriter, h: Histogram): void {
  // Each bucket is named by its right edge; the left one of the first is what the message calls the minimum.
  const edges = Array.from(h.edges);
  for (const [i, number] of [edges[0]!, edges.at(-1)!, h.count, h.sum, h.sumOfSquares].entries())
    writer.tag(i + 1, BITS64).double(number);
  for (const [field, numbers] of [[6, edges.slice(1)] as const, [7, Array.from(h.counts)] as const]) {
    writer.tag(field, LENGTH).fork();
    for (const number of numbers) writer.double(number);
    writer.join();
  }
}

/** Rotated and shifted, so that the sum of bytes with their sum among them is no special number. */
function masked(bytes: Uint8Array): number {
  const sum = crc32c(bytes);
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

/** Bytes as a TFRecord. */
export function frame(bytes: Uint8Array): Uint8Array {
  const record = Buffer.alloc(bytes.length + 16);
  record.writeBigUInt64LE(BigInt(bytes.length));
  record.writeUInt32LE(masked(record.subarray(0, 8)), 8);
  record.set(bytes, 12);
  record.writeUInt32LE(masked(bytes), bytes.length + 12);
  return record;
}

/** Buckets of one width from the least to the largest value; what is not finite does not count. Undefined where nothing is left. */
export function histogramOf(values: ArrayLike<number>, buckets = 30): Histogram | undefined {
  let [min, max, count, sum, sumOfSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    [min, max, count] = [Math.min(min, value), Math.max(max, value), count + 1];
    sum += value;
    sumOfSquares += value * value;
  }
  if (count === 0) return undefined;
  // Equal values get a bucket round them. Divided by the largest, no difference is too large or too small.
  const [low, high] = min < max ? [min, max] : [min - 0.5, max + 0.5];
  const size = Math.max(Math.abs(low), Math.abs(high));
  const place = (value: number) => (value / size - low / size) / (high / size - low / size);
  const counts = new Float64Array(buckets);
  for (let i = 0; i < values.length; i++)
    if (Number.isFinite(values[i])) counts[Math.min(buckets - 1, Math.floor(place(values[i]!) * buckets))]!++;
  const edges = Float64Array.from(
    { length: buckets + 1 },
    (_, i) => low * ((buckets - i) / buckets) + high * (i / buckets),
  );
  return { edges, counts, count, sum, sumOfSquares };
}
