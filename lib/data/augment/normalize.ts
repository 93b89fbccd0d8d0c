/** Values brought to mean 0 and deviation 1, channel by channel. Bytes become real numbers, 255 first as 1. */
import { checkNumber, checkOptions, wrongType } from '../../errors.js';
import { type Apply, type Augmentation, make, type Pixels } from './augmentation.js';

export interface NormalizeOptions {
  /** Of each channel, or of all; of bytes, as parts of 255. */
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
}

export interface Normalize extends Augmentation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * (value - mean) / std, where bytes are value / 255 before. Nothing is random: give it to `evaluate` too.
 * @example normalize({ mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] })
 */
export function normalize(options: NormalizeOptions): Augmentation {
  checkOptions('normalize', options ?? null, ['mean', 'std']);
  const numbers = (name: 'mean' | 'std', bounds: object) => {
    const given = options[name];
    const list = Array.isArray(given) ? given : [given];
    if (list.length === 0) throw wrongType('normalize', name, 'a number or an array of numbers', given);
    return list.map((value, i) =>
      checkNumber('normalize', Array.isArray(given) ? `${name}[${i}]` : name, value, bounds),
    );
  };
  return make<Normalize>({
    name: 'normalize',
    mean: numbers('mean', { openMin: true, openMax: true }),
    std: numbers('std', { min: 0, openMin: true, openMax: true }),
  });
}

export const applyNormalize: Apply<Normalize> = ({ channels, pixels }, options) =>
  normalizeInto(pixels, pixels, channels, options, 1);

/** `to` = (from * unit - mean) / std, value by value. */
export function normalizeInto(
  from: Pixels,
  to: Pixels,
  channels: number,
  { mean, std }: Normalize,
  unit: number,
): void {
  for (let c = 0; c < channels; c++) {
    const factor = unit / std[c % std.length]!;
    const shift = mean[c % mean.length]! / std[c % std.length]!;
    for (let i = c; i < from.length; i += channels) to[i] = from[i]! * factor - shift;
  }
}
