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

async function load(): Promise<(bytes: Uint8Array) => Image | undefined> {
  const codec = createRequire(__filename)(
    '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
  ) as () => Promise<Codec>;
  const decoder = new (await codec()).JPEGDecoder();
  return (bytes) => {
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
