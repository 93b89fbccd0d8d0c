/** Before anything is timed: which rivals can do what is asked, and whether they compute the same. */
import { checkLosses, checkOutputs, type PeerResult, TOLERANCES, type Tolerance } from './compare.js';
import type { Mode } from './options.js';
import type { Checked, Turn } from './player.js';

const CHECK_STEPS = 3;

export interface Rival {
  readonly name: string;
  check(steps: number): Promise<Checked & { readonly trains?: boolean }>;
  run(steps: number): Promise<Turn>;
}

/** Why rivals take no part, by name. `say` tells it at once. */
export class Failures {
  readonly messages: Record<string, string> = {};
  constructor(private readonly say: (text: string) => void) {}

  add(name: string, { message }: Error): void {
    this.messages[name] = message.split('\n')[0]!.replace(`${name}: `, '');
    this.say(`  ${name} is left out: ${this.messages[name]}`);
  }
  note(text: string): void {
    this.say(`  ${text}`);
  }
}

/** The rivals that can do what is asked, and all losses; throws where one computes something else than `ours`. */
export async function agreeing(
  ours: Rival,
  rivals: readonly Rival[],
  mode: Mode,
  failures: Failures,
  tolerance: Tolerance = TOLERANCES.fp32,
): Promise<[Rival[], PeerResult['losses']]> {
  const expected = await ours.check(CHECK_STEPS);
  const kept: Rival[] = [];
  const losses: Record<string, readonly number[]> = { [ours.name]: expected.losses };
  for (const rival of rivals) {
    const theirs = await rival.check(CHECK_STEPS).catch((error: Error) => failures.add(rival.name, error));
    if (!theirs) continue;
    checkOutputs(rival.name, expected.outputs, theirs.outputs, tolerance.outputs);
    if (theirs.trains === false && mode === 'train') {
      failures.note(`${rival.name} cannot train this network: left out`);
      continue;
    }
    if (theirs.trains !== false) {
      checkLosses(rival.name, expected.losses, theirs.losses, tolerance);
      losses[rival.name] = theirs.losses;
    }
    kept.push(rival);
  }
  return [kept, losses];
}
