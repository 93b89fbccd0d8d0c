/** `steepest train --augment flip,crop=4`: training images are changed by chance, anew in each epoch and on threads; the fit takes their batches as a stream. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Augmentation } from '../../data/augment/augmentation.js';
import { brightness, cropPadded, cutout, flip, rotate } from '../../data/augment/public.js';
import type { Dataset } from '../../data/dataset.js';
import { type Pipeline, pipeline } from '../../data/pipeline.js';
import { checkOneOf, SteepestError } from '../../errors.js';
import type { Callback } from '../../train/callbacks/callback.js';
import { UsageError } from '../io.js';
import { wholeNumber } from '../values.js';
import type { Images } from './data.js';

/** What each name makes of its number. */
const makers = {
  flip: (probability) => flip({ probability }),
  crop: (padding) => cropPadded(padding),
  cutout: (size) => cutout(size),
  rotate: (degrees) => rotate(degrees),
  brightness: (amount) => brightness(amount),
} as const satisfies Record<string, (value: number) => Augmentation>;
const names = Object.keys(makers) as (keyof typeof makers)[];

export interface AugmentArguments {
  readonly augment?: readonly Augmentation[];
  readonly augmentThreads?: number;
}

export const augmentNames = ['augment', 'augmentThreads'] as const satisfies readonly (keyof AugmentArguments)[];

export function addAugmentOptions(command: Command): Command {
  return command
    .option(
      '--augment <list>',
      'change training images by chance, in this order: flip (or flip=P, with probability P), crop=PIXELS (moved by so many at most), cutout=PIXELS (a square), rotate=DEGREES (at most), brightness=PART (at most)',
      augmentations,
    )
    .option(
      '--augment-threads <n>',
      'threads that do so, 0: none (default: one fewer than cores, 1 to 4)',
      wholeNumber(0),
    );
}

/** flip,crop=4,brightness=0.2 */
function augmentations(text: string): Augmentation[] {
  return text.split(',').map((item) => {
    const [, word, value] = /^([^=]*)(?:=(.*))?$/.exec(item.trim())!;
    try {
      const name = checkOneOf('--augment', 'a name', word, names);
      if (value !== undefined) return makers[name](value.trim() === '' ? Number.NaN : Number(value));
      if (name === 'flip') return flip();
      throw new TypeError(`${name} needs a number: ${name}=N`);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  });
}

/** Refuses what does not go with a stream. */
export function checkAugment(options: AugmentArguments & { readonly classWeights?: string }): void {
  const { augment, augmentThreads, classWeights } = options;
  if (augment === undefined && augmentThreads !== undefined)
    throw new UsageError('--augment-threads is for --augment LIST');
  if (augment !== undefined && classWeights !== undefined)
    throw new UsageError(
      '--class-weights balanced: not with --augment, whose batches come one by one, so that nobody counts the classes',
    );
}

export interface Batches {
  readonly seed: number;
  readonly batchSize: number;
  /** Default true. */
  readonly shuffle?: boolean | undefined;
  readonly dropRemainder?: boolean | undefined;
}

/** The batches of each epoch. */
export function augmented(
  train: Images,
  { augment = [], augmentThreads: workers }: AugmentArguments,
  { seed, batchSize, shuffle = true, dropRemainder = false }: Batches,
): Pipeline<Dataset> {
  const images = pipeline(train as Dataset);
  const options = { augment, seed, dropRemainder, ...(workers !== undefined && { workers }) };
  return (shuffle ? images.shuffle({ seed }) : images).batch(batchSize, options);
}

/** Has a run go on with the same batches only: of a stream, a checkpoint knows nothing by itself. ERR_CHECKPOINT, before the first step, where they differ. */
export function sameBatches({ count }: Images, { augment }: AugmentArguments, batches: Batches): Callback {
  const { batchSize, shuffle = true, dropRemainder = false } = batches;
  const here = { '--augment': augment, '--batch': batchSize, shuffle, dropRemainder, 'a number of images of': count };
  return {
    name: 'trainBatches',
    onTrainBegin(_, state) {
      const before = (state?.json ?? here) as Record<string, unknown>;
      for (const [name, value] of Object.entries(here)) {
        const [then, now] = [JSON.stringify(before[name]), JSON.stringify(value)];
        if (then !== now)
          throw new SteepestError(
            'ERR_CHECKPOINT',
            `train: the checkpoint was made with ${name} ${then}, but here it is ${now}`,
          );
      }
    },
    state: () => ({ json: here }),
  };
}
