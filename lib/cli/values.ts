/** Values of command-line options: read strictly, refused with what was expected. */
import { InvalidArgumentError, Option } from 'commander';

/** A whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min)
      throw new InvalidArgumentError(`Expected a whole number >= ${min}.`);
    return value;
  };
}

/** A finite number above 0. */
export function positiveNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Expected a number > 0.');
  return value;
}

/** Above 0 and below 1. */
export function smallPositiveNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Expected a number > 0 and < 1.');
  return value;
}

/** Part of a whole: above 0, at most 1. */
export function fraction(text: string): number {
  const value = Number(text.trim() === '' ? Number.NaN : text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Expected a number > 0 and at most 1.');
  return value;
}

/** A rate of decay: at least 0, below 1. */
export function decayRate(text: string): number {
  const value = Number(text.trim() === '' ? Number.NaN : text);
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('Expected a number in [0, 1).');
  return value;
}

export const jsonOption = () => new Option('--json', 'one JSON object a line on standard output, and nothing else');
