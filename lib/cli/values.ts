/** Values of command-line options: read strictly, refused with what was expected; and examples for a command's help. */
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

/** A reader of numbers that `accepts`; `expected` names them. */
function numberThat(accepts: (value: number) => boolean, expected: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || !accepts(value)) throw new InvalidArgumentError(`Expected a number ${expected}.`);
    return value;
  };
}

export const positiveNumber = numberThat((value) => value > 0, '> 0');

/** In [min, max]. */
export const numberIn = (min: number, max = Number.POSITIVE_INFINITY) =>
  numberThat((value) => value >= min && value <= max, `in [${min}, ${max}]`);

export const smallPositiveNumber = numberThat((value) => value > 0 && value < 1, '> 0 and < 1');

/** Part of a whole. */
export const fraction = numberThat((value) => value > 0 && value <= 1, '> 0 and at most 1');

/** A rate of decay. */
export const decayRate = numberThat((value) => value >= 0 && value < 1, 'in [0, 1)');

/** Options that are there to be turned off: their names in the arguments have no `no`. */
const negated: readonly string[] = ['header', 'shuffle'];

/** Whether the user gave it: an option that is to be turned off is true where nobody did. */
export const isGiven = (name: string, value: unknown): boolean =>
  value !== undefined && !(negated.includes(name) && value === true);

/** An option as it is written: --data-dir for dataDir. */
export const flag = (name: string): string =>
  `--${negated.includes(name) ? 'no-' : ''}${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** a, b and c */
export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

export const jsonOption = () => new Option('--json', 'one JSON object a line on standard output, and nothing else');

/** Examples for the end of a command's help: what follows the program's name. */
export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ steepest ${line}`).join('\n')}`;
