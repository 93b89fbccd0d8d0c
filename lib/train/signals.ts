/** Signals of the process that end a run as its stop() does. */
import { isMainThread } from 'node:worker_threads';
import { checkOneOf, wrongType } from '../errors.js';

const names = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGBREAK', 'SIGUSR1', 'SIGUSR2'] as const;

export type StopSignal = (typeof names)[number];

export function readStopSignals(where: string, signals: readonly StopSignal[] = []): readonly StopSignal[] {
  if (!Array.isArray(signals)) throw wrongType(where, 'stopOnSignals', 'an array of names of signals', signals);
  for (const [i, signal] of signals.entries()) checkOneOf(where, `stopOnSignals[${i}]`, signal, names);
  if (signals.length > 0 && !isMainThread)
    throw new TypeError(
      `${where}: stopOnSignals: the process tells its main thread alone of signals; stop() the run from there`,
    );
  return [...new Set(signals)];
}

/** Calls `hear` at the first of each of these signals, until the returned function is called. A second one does what it does without this. */
export function onSignals(signals: readonly NodeJS.Signals[], hear: (signal: string) => void): () => void {
  for (const signal of signals) process.once(signal, hear);
  return () => {
    for (const signal of signals) process.removeListener(signal, hear);
  };
}
