import { rulesFor } from './addresses-of.js';
import type { Preset } from './preset.js';

/**
 * The hosts that the user's and the system's git settings name: in `url.X.insteadOf`, `credential.X` and `http.X`. What a project has for
 * remotes is the project's word and not asked for.
 */
export const git: Preset = async ({ ask, signal }) => {
  const listed = await Promise.all(
    ['--system', '--global'].map((scope) => ask(['git', 'config', scope, '--name-only', '--list', '-z'], signal)),
  );
  if (listed.every((text) => text === undefined)) return undefined;
  const keys = listed.flatMap((text) => (text ?? '').split('\0'));
  return rulesFor(keys.map((key) => /^(?:url|credential|http)\.(https?:.*)\.[^.]+$/is.exec(key)?.[1]));
};
