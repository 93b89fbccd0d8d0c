/**
 * What a run of a model holds and heeds: memory that goes with it, and what is to end it before its work is done, be it stop(), its signal, one of
 * the process or the model's dispose(). There is one run of a model at a time.
 */
import type { PlanRun } from '../backends/backend.js';
import type { Examples } from '../data/dataset.js';
import type { Network } from './network.js';
import { type Registered, register } from './registered.js';
import type { RunControl } from './run.js';
import { onSignals, type StopSignal } from './signals.js';

type Control = Pick<RunControl<never, never>, 'stopping' | 'stop' | 'pausing' | 'onInterrupt' | 'rest'>;

/** The settings of a run that say what ends it. */
interface Endings {
  readonly signal: AbortSignal | undefined;
  readonly stopOnSignals: readonly StopSignal[];
}

/** Does the work of a run in a scope of its own. `read` gives the run's settings; all checks come first. */
export async function scoped<S extends Endings, R>(
  where: string,
  network: Network,
  control: Control,
  read: () => S,
  work: (scope: Scope, settings: S) => Promise<R>,
): Promise<R> {
  network.check();
  if (network.running)
    throw new Error(`${where}: another run of this model is under way; await it, or stop() it and await it`);
  const settings = read();
  settings.signal?.throwIfAborted();
  network.running = true;
  const scope = new Scope(network, control, settings);
  try {
    return await work(scope, settings);
  } finally {
    network.running = false;
    scope.dispose();
  }
}

export class Scope {
  readonly #network: Network;
  readonly #control: Control;
  readonly #owned: { dispose(): void }[] = [];
  readonly #release: (() => void)[] = [];
  readonly #halt = new AbortController();
  /** The run's own signal, where that came before any stop(). */
  #aborted: AbortSignal | undefined;
  /** The steps in flight. */
  #steps: PlanRun | undefined;
  /** The first of the process's signals that came. */
  #signalled: string | undefined;
  #rested = 0;

  constructor(network: Network, control: Control, { signal, stopOnSignals }: Endings) {
    this.#network = network;
    this.#control = control;
    const halt = () => {
      this.#halt.abort();
      this.#steps?.stop();
    };
    const interrupt = () => (control.stopping ? halt() : this.#steps?.stop());
    const heed = (name: string) => {
      this.#signalled ??= name;
      control.stop();
    };
    this.#release.push(control.onInterrupt(interrupt), network.onDispose(halt), onSignals(stopOnSignals, heed));
    if (signal === undefined) return;
    const abort = () => {
      if (!control.stopping) this.#aborted = signal;
      halt();
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#release.push(() => signal.removeEventListener('abort', abort));
  }

  dispose(): void {
    for (const release of this.#release) release();
    for (const resource of this.#owned) resource.dispose();
  }

  /** Fires when the run is to end before its work is done. */
  get signal(): AbortSignal {
    return this.#halt.signal;
  }

  get ending(): boolean {
    return this.#halt.signal.aborted;
  }

  /** It ends by stop(): well, with what was done. */
  get stopped(): boolean {
    return this.#control.stopping && this.#aborted === undefined;
  }

  /** What stopped it: a signal of the process, by its name, or 'stopped'. */
  get stopReason(): string {
    return this.#signalled ?? 'stopped';
  }

  /** Throws the signal's reason, or ERR_DISPOSED, where that ended the run. */
  check(): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    this.#network.check();
  }

  /** Memory that lives as long as the run. */
  own<T extends { dispose(): void }>(resource: T): T {
    this.#owned.push(resource);
    return resource;
  }

  /** Examples in the engine's memory, as long as the run lives. */
  async register(examples: Examples): Promise<Registered> {
    return this.own(await register(this.#network.backend, examples));
  }

  /** Waits while the run is paused, once `before` is done. Never holds a run that is to end. */
  async rest(before?: () => Promise<unknown>): Promise<void> {
    if (!this.#control.pausing || this.ending) return;
    const began = performance.now();
    await before?.();
    await this.#control.rest(this.signal);
    this.#rested += performance.now() - began;
  }

  /** Milliseconds of rest so far. */
  get rested(): number {
    return this.#rested;
  }

  /** Resolves to the number of steps that `run` does: all, or fewer where this run is to end or to rest. */
  async stepsOf(run: PlanRun): Promise<number> {
    this.#steps = run;
    if (this.ending || this.#control.pausing) run.stop();
    try {
      return await run.done;
    } finally {
      this.#steps = undefined;
    }
  }

  /** What `promise` resolves to, or undefined as soon as the run is to end. */
  unlessEnding<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise<T | undefined>((resolve, reject) => {
      const end = () => resolve(undefined);
      if (this.ending) end();
      this.signal.addEventListener('abort', end, { once: true });
      promise.then(resolve, reject).finally(() => this.signal.removeEventListener('abort', end));
    });
  }
}
