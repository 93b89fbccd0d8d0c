/** Rotation about the image's centre; pixels in between are interpolated from the four next ones. */
import { checkNumber } from '../../errors.js';
import { type Apply, type Augmentation, asPixel, make, type Plane } from './augmentation.js';
import { checkFill, type FillOptions } from './crop-padded.js';

interface Rotate extends Augmentation {
  readonly degrees: number;
  readonly fill: number;
}

/** Turns an image by an angle between -degrees and +degrees. */
export function rotate(degrees: number, options?: FillOptions): Augmentation {
  checkNumber('rotate', 'degrees', degrees, { min: 0, max: 180 });
  return make<Rotate>({ name: 'rotate', degrees, fill: checkFill('rotate', options) });
}

export const applyRotate: Apply<Rotate> = (plane, { degrees, fill }, random) => {
  const { height, width, channels, pixels, spare } = plane;
  const angle = (random.uniform(-degrees, degrees) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const value = asPixel(plane, fill);
  const half = pixels instanceof Uint8Array ? 0.5 : 0; // bytes are rounded
  const row = width * channels;
  let to = 0;
  for (let y = 0; y < height; y++) {
    let sourceX = centreX - cos * centreX + sin * (y - centreY);
    let sourceY = centreY + sin * centreX + cos * (y - centreY);
    for (let x = 0; x < width; x++, sourceX += cos, sourceY -= sin) {
      const [left, top] = [Math.floor(sourceX), Math.floor(sourceY)];
      const [across, down] = [sourceX - left, sourceY - top];
      if (left < 0 || top < 0 || left >= width - 1 || top >= height - 1) {
        for (let c = 0; c < channels; c++) {
          const upper = (1 - across) * at(plane, top, left, c, value) + across * at(plane, top, left + 1, c, value);
          const lower =
            (1 - across) * at(plane, top + 1, left, c, value) + across * at(plane, top + 1, left + 1, c, value);
          spare[to++] = (1 - down) * upper + down * lower + half;
        }
        continue;
      }
      let from = top * row + left * channels;
      for (let c = 0; c < channels; c++, from++) {
        const upper = (1 - across) * pixels[from]! + across * pixels[from + channels]!;
        const lower = (1 - across) * pixels[from + row]! + across * pixels[from + row + channels]!;
        spare[to++] = (1 - down) * upper + down * lower + half;
      }
    }
  }
  pixels.set(spare);
};

/** A pixel, or `fill` where there is none. */
function at({ height, width, channels, pixels }: Plane, y: number, x: number, c: number, fill: number): number {
  return y < 0 || x < 0 || y >= height || x >= width ? fill : pixels[(y * width + x) * channels + c]!;
}
