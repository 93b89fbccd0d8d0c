/** Real data for tests: the folder STEEPEST_DATA (default: shared/data beside the checkout). Never part of the project. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(process.env.STEEPEST_DATA ?? join(__dirname, '../../../shared/data'));

/** The folder of a data set, or undefined where it is missing: such tests skip, and are counted. */
export function dataFolder(name: string): string | undefined {
  const folder = join(root, name);
  return existsSync(folder) ? folder : undefined;
}
