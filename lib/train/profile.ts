/** The `profile` option of fit: what the kernels took goes to a file or to a function. */
import { type FileHandle, open } from 'node:fs/promises';
import { SteepestError } from '../errors.js';
import { Profile } from '../plan/profile.js';
import type { History } from './options.js';

/** A file's path, or who gets the profile. */
export type ProfileOption = string | ((profile: Profile) => unknown);

/**
 * Trains, with a profile where one is wanted. A file is opened before and written after, also where training fails (then with what
 * was recorded); a function is called where it succeeds.
 */
export async function profiled(
  option: ProfileOption | undefined,
  train: (profile?: Profile) => Promise<History>,
): Promise<History> {
  if (option === undefined) return train();
  const profile = new Profile();
  if (typeof option === 'function') {
    const history = await train(profile);
    await option(profile);
    return { ...history, profile };
  }
  const file = await open(option, 'w').catch((cause) => fail(option, cause));
  try {
    return { ...(await train(profile)), profile };
  } finally {
    await write(file, profile).catch((cause) => fail(option, cause));
  }
}

/** Writes the trace piece by piece; between two the event loop gets its turn. */
async function write(file: FileHandle, profile: Profile): Promise<void> {
  try {
    for (const piece of profile.json()) await file.appendFile(piece);
  } finally {
    await file.close();
  }
}

function fail(path: string, cause: NodeJS.ErrnoException): never {
  throw new SteepestError('ERR_FILE', `fit: expected a file to write for profile but '${path}' gave ${cause.code}`, {
    cause,
  });
}
