/**
 * JPEG files decoded by libjpeg-turbo, compiled to WebAssembly (the package @cornerstonejs/codec-libjpeg-turbo-8bit). The decoder is loaded
 * when it is first asked for.
 */
import { createRequire } from 'node:module';

/** A decoded image: height * width * channels bytes, row after row; RGB, or one channel of grey. */
export interface Image {
  readonly shape: readonly [number, number, number];
  /** Perhaps the decoder's own memory: copy it before the next call. */
  readonly data: Uint8Array;
}

/** What the package exports that is used here. */
interface Codec {
  readonly JPEGDecoder: new () => {
    /** Room for the file. */
    getEncodedBuffer(bytes: number): Uint8Array;
    decode(): void;
    getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
    getDecodedBuffer(): Uint8Array;
  };
}

let loading: Promise<(bytes: Uint8Array) => Image | undefined> | undefined;

/** The decoder: it gives undefined for bytes that are no JPEG image, or not all of one. */
export function jpegDecoder(): Promise<(bytes: Uint8Array) => Image | undefined> {
  loading ??= load();
  return loading;
}

/** What a scan begins with; the markers of frames, which tell the sizes. */
const SCAN = Buffer.of(0xff, 0xda);
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf];
/** Values (height * width * components) that a byte of a file can stand for: a block of 64 takes a bit at least, and colour may have fewer blocks. */
const MOST_VALUES = 2048;
/** Values times scans: ten scans of 70 million pixels. A small file could have hundreds, a minute of work. */
const MOST_WORK = 2 ** 31;

/** Markers that nothing belongs to. */
const isAlone = (marker: number) => marker < 2 || (marker >= 0xd0 && marker <= 0xd8);

/** Whether decoding takes no more memory and time than an image of so many bytes can ask for; what is no JPEG image is left to the decoder. */
function isModest(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let scans = 0;
  for (let at = file.indexOf(SCAN); at >= 0; at = file.indexOf(SCAN, at + 2)) scans++;
  for (let at = file.indexOf(0xff, 2); at >= 0 && at + 10 <= file.length; at = file.indexOf(0xff, at)) {
    const marker = file[at + 1]!;
    if (FRAMES.includes(marker)) {
      const values = file.readUInt16BE(at + 5) * file.readUInt16BE(at + 7) * file[at + 9]!;
      return values <= MOST_VALUES * bytes.length && values * scans <= MOST_WORK;
    }
    if (marker === 0xff) at++;
    else at += isAlone(marker) ? 2 : 2 + file.readUInt16BE(at + 2);
  }
  return true;
}

async function load(): Promise<(bytes: Uint8Array) => Image | undefined> {
  const codec = createRequire(__filename)(
    '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
  ) as () => Promise<Codec>;
  const decoder = new (await codec()).JPEGDecoder();
  return (bytes) => {
    if (!isModest(bytes)) return undefined;
    try {
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      const { width, height, componentCount } = decoder.getFrameInfo();
      return { shape: [height, width, componentCount], data: decoder.getDecodedBuffer() };
    } catch {
      return undefined; // what it throws is the address of a C++ exception
    }
  };
}
