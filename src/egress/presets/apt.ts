import { rulesFor } from './addresses-of.js';
import type { Preset } from './preset.js';

/** The sources of this machine's apt. */
export const apt: Preset = async ({ ask, signal }) => {
  const text = await ask(['apt-get', 'indextargets', '--format', '$(URI)'], signal);
  return text === undefined ? undefined : rulesFor(text.split('\n'));
};
