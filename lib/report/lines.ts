/** Files of one JSON object a line, as commands print them with --json. What an object holds is not trusted: it is asked for by name. */
import { readFile } from 'node:fs/promises';
import { show } from '../errors.js';
import { FormatFailure, naming } from '../failure.js';

export type Fields = Readonly<Record<string, unknown>>;

/** The objects of a file, read by `read`. ERR_FORMAT with file and line; Node's own error where the file cannot be read. */
export async function readLines<T>(where: string, path: string, read: (fields: Fields) => T): Promise<T[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((text, i) => {
    if (text.trim() === '') return [];
    return [naming(where, `${path}, line ${i + 1}`, () => read(object(parsed(text), 'the line')))];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatFailure(`expected JSON but received ${show(text.length > 40 ? `${text.slice(0, 40)}...` : text)}`);
  }
}

function wrong(name: string, expected: string, value: unknown): FormatFailure {
  return new FormatFailure(`expected ${expected} for ${name} but received ${show(value)}`);
}

export function object(value: unknown, name: string): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong(name, 'an object', value);
  return value as Fields;
}

/** A number; undefined where it is missing, or null, which NaN and Infinity are in JSON. */
export function number(fields: Fields, name: string): number | undefined {
  const value = fields[name] ?? undefined;
  if (value !== undefined && typeof value !== 'number') throw wrong(name, 'a number', value);
  return value;
}

export function text(fields: Fields, name: string): string | undefined {
  const value = fields[name] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw wrong(name, 'a string', value);
  return value;
}

/** A list, empty where it is missing; its members are read by `read`. */
export function list<T>(fields: Fields, name: string, read: (value: unknown, name: string) => T): T[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value)) throw wrong(name, 'a list', value);
  return value.map((one, i) => read(one, `${name}[${i}]`));
}

/** For `list`: a number or a string that must be there. */
export function numberHere(value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrong(name, 'a number', value);
  return value;
}
export function textHere(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrong(name, 'a string', value);
  return value;
}

/** A PNG file as an address that holds it. */
export function pngUrl(value: unknown, name: string): string {
  if (typeof value !== 'string' || !/^data:image\/png;base64,[A-Za-z0-9+/]+=*$/.test(value))
    throw wrong(
      name,
      "a PNG image 'data:image/png;base64,...'",
      typeof value === 'string' ? value.slice(0, 40) : value,
    );
  return value;
}
