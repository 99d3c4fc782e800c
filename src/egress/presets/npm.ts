import { z } from 'zod';
import { rulesFor } from './addresses-of.js';
import type { Preset } from './preset.js';

const settings = z.record(z.string(), z.unknown());

/** npm's registry and those of its scopes, as `npm config list` has them from the user's and the system's files. */
export const npm: Preset = async ({ ask, signal }) => {
  const text = await ask(['npm', 'config', 'list', '--json'], signal);
  if (text === undefined) return undefined;
  try {
    const all = settings.parse(JSON.parse(text));
    const named = Object.entries(all).filter(([name]) => name === 'registry' || /^@[^:]+:registry$/.test(name));
    return rulesFor(named.map(([, value]) => (typeof value === 'string' ? value : undefined)));
  } catch {
    return undefined;
  }
};
