/** The `profile` option of fit, evaluate and predict: what the kernels took goes to a file or to a function. */
import { type FileHandle, open } from 'node:fs/promises';
import { wrongType } from '../errors.js';
import { unwritable } from '../files.js';
import { Profile } from '../plan/profile.js';

/** A file's path, or who gets the profile. */
export type ProfileOption = string | ((profile: Profile) => unknown);

export function readProfile(where: string, profile: ProfileOption | undefined): ProfileOption | undefined {
  if (profile !== undefined && typeof profile !== 'string' && typeof profile !== 'function')
    throw wrongType(where, 'profile', 'a path or a function', profile);
  return profile;
}

/**
 * Does `work`, with a profile where one is wanted. A file is opened before and written after, also where the work fails (then with what
 * was recorded); a function is called where it succeeds.
 */
export async function profiled<T>(
  where: string,
  option: ProfileOption | undefined,
  work: (profile?: Profile) => Promise<T>,
): Promise<T> {
  if (option === undefined) return work();
  const profile = new Profile();
  if (typeof option === 'function') {
    const result = await work(profile);
    await option(profile);
    return result;
  }
  return writing(where, option, profile, () => work(profile));
}

/** Opens the file, does `work`, then writes the profile there. ERR_FILE where that cannot be. */
export async function writing<T>(where: string, path: string, profile: Profile, work: () => Promise<T>): Promise<T> {
  const file = await open(path, 'w').catch((cause) => {
    throw unwritable(where, 'profile', path, cause);
  });
  try {
    return await work();
  } finally {
    await write(file, profile).catch((cause) => {
      throw unwritable(where, 'profile', path, cause);
    });
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
