/** What is wrong with a file, before the file's name is known: readers turn it into an ERR_FORMAT. */
import { SteepestError } from '../errors.js';

export class FormatFailure extends Error {}

/** Does `read`; a FormatFailure becomes an ERR_FORMAT `where: name: message`. */
export function naming<T>(where: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatFailure)) throw error;
    throw new SteepestError('ERR_FORMAT', `${where}: ${name}: ${error.message}`, { cause: error.cause });
  }
}

/** A name as it reads in a message: in quotes, and cut where it is long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
