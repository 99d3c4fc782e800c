import { ConfigError } from '../core/errors.js';
import type { FoundFile } from './effects.js';

/** Refuses a file or folder of settings that others could have written. Errors: BAD_CONFIG. */
export function checkWriters(
  file: Pick<FoundFile, 'ownerUid' | 'mode'>,
  path: string,
  owners: readonly number[],
): void {
  const info = { file: path };
  if (!owners.includes(file.ownerUid)) {
    throw new ConfigError('BAD_CONFIG', `${path} belongs to uid ${file.ownerUid}, not to ${owners.join(' or ')}`, {
      info,
      hint: owners.length === 1 ? `Run \`chown root ${path}\`.` : `Make ${path} your own file.`,
    });
  }
  if ((file.mode & 0o022) !== 0) {
    const hint = `Run \`chmod go-w ${path}\`.`;
    throw new ConfigError('BAD_CONFIG', `${path} can be written by its group or by everybody`, { info, hint });
  }
}
