/**
 * Steepest's side of the memory: a process that does some steps and nothing else, and prints the most resident memory it has had.
 *
 *     node memory-worker.js '{"model":..,"mode":..,"batch":..,"device":..,"threads":..}' STEPS
 */
import { SteepestPlayer } from './player.js';
import { makeSubject } from './subject.js';

const [, , options, steps] = process.argv;

async function main(): Promise<void> {
  const player = new SteepestPlayer(makeSubject(JSON.parse(options!)));
  await player.run(Number(steps) - 1); // it begins with one that is not timed
  process.stdout.write(JSON.stringify({ maxRssKiB: process.resourceUsage().maxRSS }));
}

void main();
