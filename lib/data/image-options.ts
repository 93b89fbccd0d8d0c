/** What readers of many images share: their options, and telling how far they are. */
import { checkCallback, checkInteger, checkOptions, checkSignal } from '../errors.js';

/** Images read, of how many. */
export interface ImageProgress {
  readonly images: number;
  readonly total: number;
}

/** Height and width that every image is brought to. */
export type Size = readonly [height: number, width: number];

export interface ImageOptions {
  /** Reads at most so many images (of folders of classes spread evenly over these, of other files the first ones). Default: all. */
  readonly limit?: number;
  /** Called some times a second with the number of images read. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Ends the reading; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Checks the options. `more`: names of those that a reader has besides. */
export function checkImageOptions(where: string, options?: ImageOptions, more: readonly string[] = []) {
  checkOptions(where, options, ['limit', 'onProgress', 'signal', ...more]);
  const { limit = Number.MAX_SAFE_INTEGER, onProgress, signal } = options ?? {};
  checkInteger(where, 'limit', limit, 1);
  return { limit, onProgress: checkCallback(where, 'onProgress', onProgress), signal: checkSignal(where, signal) };
}

const MILLISECONDS = 100;

/** Counts images, and tells of them some times a second and at the end. */
export class Progress {
  #images = 0;
  #toldAt = performance.now();

  constructor(
    private readonly tell: ((progress: ImageProgress) => void) | undefined,
    private readonly total: number,
  ) {}

  /** So many images more. */
  add(images: number): void {
    this.#images += images;
    const now = performance.now();
    if (now - this.#toldAt < MILLISECONDS && this.#images < this.total) return;
    this.#toldAt = now;
    this.tell?.({ images: this.#images, total: this.total });
  }
}
