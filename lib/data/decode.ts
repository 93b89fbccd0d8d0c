/**
 * Image files as pixels, by their first bytes: JPEG and PNG here; other formats, and any other size, by the package sharp where it is installed
 * (an optional peer: it brings a native library of some 20 MB).
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { wrongFormat } from '../errors.js';
import type { Size } from './image-options.js';
import { type Image, jpegDecoder } from './jpeg.js';
import { decodePng } from './png.js';

/** What is used of sharp. */
interface Pipeline {
  metadata(): Promise<{ readonly space?: string }>;
  resize(width: number, height: number, options: { readonly fit: 'fill' }): Pipeline;
  removeAlpha(): Pipeline;
  toColourspace(space: string): Pipeline;
  raw(options: { readonly depth: 'uchar' }): Pipeline;
  toBuffer(options: { readonly resolveWithObject: true }): Promise<{
    readonly data: Uint8Array;
    readonly info: { readonly width: number; readonly height: number; readonly channels: number };
  }>;
}
type Sharp = (bytes: Uint8Array, options: { readonly failOn: 'error' }) => Pipeline;

let sharp: Sharp | null | undefined;

/** The package, or null where it is not installed. */
export function findSharp(): Sharp | null {
  if (sharp !== undefined) return sharp;
  try {
    sharp = createRequire(__filename)('sharp') as Sharp;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    sharp = null;
  }
  return sharp;
}

/**
 * Gives the pixels of a file to `take`: RGB, or one channel of grey. Their memory may be the decoder's own: they are to be copied there and then.
 * `size`: what the image is brought to, its sides' ratio not kept. ERR_FORMAT where the file cannot be read, is of no known format, or broken.
 */
export async function decodeFile<T>(
  where: string,
  path: string,
  size: Size | undefined,
  take: (image: Image) => T,
): Promise<T> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw wrongFormat(where, `${path}: expected an image but could not read it (${error.code})`, error);
  });
  const kind =
    bytes[0] === 0xff && bytes[1] === 0xd8 ? 'JPEG' : bytes[0] === 0x89 && bytes[1] === 0x50 ? 'PNG' : undefined;
  if (kind === undefined || size !== undefined) return take(await decodeBySharp(where, path, bytes, size));
  const image = kind === 'JPEG' ? (await jpegDecoder())(bytes) : decodePng(bytes);
  if (image !== undefined) return take(image);
  throw wrongFormat(
    where,
    `${path}: expected a whole ${kind} image but received a truncated or broken one (${bytes.length} bytes)`,
  );
}

async function decodeBySharp(where: string, path: string, bytes: Uint8Array, size: Size | undefined): Promise<Image> {
  const decoder = findSharp();
  if (decoder === null) {
    const begin = Buffer.from(bytes.subarray(0, 2)).toString('hex') || 'no bytes';
    const more = 'others are read where the package sharp is installed';
    throw wrongFormat(
      where,
      `${path}: expected a JPEG or PNG image, which begins with ff d8 or 89 50, but received ${begin} (${more})`,
    );
  }
  try {
    const image = decoder(bytes, { failOn: 'error' });
    const { space = '' } = await image.metadata();
    const sized = size === undefined ? image : image.resize(size[1], size[0], { fit: 'fill' });
    const plain = sized.removeAlpha().toColourspace(/^(b-w|grey16)$/.test(space) ? 'b-w' : 'srgb');
    const { data, info } = await plain.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { shape: [info.height, info.width, info.channels], data };
  } catch (error) {
    throw wrongFormat(where, `${path}: expected an image but sharp says: ${(error as Error).message}`, error);
  }
}
