/** Rivals in turns within one run, since the speed of a shared machine changes from minute to minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rival } from './agree.js';

/** Before each turn, so that the threads of the one before have gone to sleep. */
const PAUSE_MILLISECONDS = 20;

/** Round after round each rival has a turn, beginning with another one each time: milliseconds a step (or call) by rival. */
export async function play(
  rivals: readonly Pick<Rival, 'name' | 'run'>[],
  stepsOf: (name: string) => number,
  repeats: number,
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(rivals.map(({ name }) => [name, []]));
  for (let i = 0; i < repeats; i++)
    for (let j = 0; j < rivals.length; j++) {
      const rival = rivals[(i + j) % rivals.length]!;
      await sleep(PAUSE_MILLISECONDS);
      const { ms, finite } = await rival.run(stepsOf(rival.name));
      if (!finite) throw new Error(`${rival.name}: the last step of a turn came to no number`);
      times[rival.name]!.push(ms);
    }
  return times;
}
