/** What a command writes to and hears from: the process's own streams and signals, or a test's. */
import { onSignals } from '../train/signals.js';

/** Where text goes. */
export interface Output {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
}

export interface Io extends Output {
  /** Standard error is a terminal: progress may be drawn there. */
  readonly terminal: boolean;
  /** Calls `stop` at the first of these signals (default SIGINT); a second one ends the process as usual. Until the returned function is called. */
  onInterrupt(stop: (signal?: string) => void, signals?: readonly NodeJS.Signals[]): () => void;
}

export const processIo: Io = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  get terminal() {
    return process.stderr.isTTY === true;
  },
  onInterrupt: (stop, signals = ['SIGINT']) => onSignals(signals, stop),
};

/** Exit codes. */
export const OK = 0;
export const FAILED = 1;
export const USAGE = 2;
export const INTERRUPTED = 130;
export const TERMINATED = 143;

/** Arguments that do not go together: ends with code 2, as an unknown option does. */
export class UsageError extends Error {}

/** A line of JSON on standard output. Numbers that JSON does not know (NaN, Infinity) become null. */
export function jsonLine(io: Pick<Output, 'out'>, value: Readonly<Record<string, unknown>>): void {
  io.out(`${JSON.stringify(value)}\n`);
}

/**
 * Has SIGINT and SIGTERM end a run as its stop() does, until `release`; `code` is the exit code of a run that was.
 */
export function stopBySignals(io: Io, run: { stop(): void }): { release(): void; readonly code: number } {
  let code = INTERRUPTED;
  const release = io.onInterrupt(
    (signal) => {
      if (signal === 'SIGTERM') code = TERMINATED;
      run.stop();
    },
    ['SIGINT', 'SIGTERM'],
  );
  return {
    release,
    get code() {
      return code;
    },
  };
}

/** Does work that SIGINT ends: resolves to undefined then, once the work has rejected; its other errors are the caller's. */
export async function interruptible<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const stopping = new AbortController();
  const release = io.onInterrupt(() => stopping.abort());
  try {
    return await work(stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    return undefined;
  } finally {
    release();
  }
}
