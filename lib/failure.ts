/** What is wrong with a file, before the file's name is known: readers turn it into an ERR_FORMAT. */
import { wrongFormat } from './errors.js';

export class FormatFailure extends Error {}

/** An error as a reader throws it: a FormatFailure becomes an ERR_FORMAT `where: name: message`, others stay. */
export function renamed(where: string, name: string, error: unknown): unknown {
  if (!(error instanceof FormatFailure)) return error;
  return wrongFormat(where, `${name}: ${error.message}`, error.cause);
}

/** Does `read`; what it throws is renamed. */
export function naming<T>(where: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw renamed(where, name, error);
  }
}

/** A name as it reads in a message: in quotes, and cut where it is long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
