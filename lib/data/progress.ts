/** Telling how far a long read is: a few times a second, and once at its end. */

/** Images read, of how many. */
export interface ImageProgress {
  readonly images: number;
  readonly total: number;
}

const MILLISECONDS = 100;

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
