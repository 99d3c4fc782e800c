import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.js';

/**
 * Settings of a user who is their own site, in a place of a test: `thrifty` has the numbers of `strict` without what that requires, which not
 * every host confirms. Returns what the environment needs for it.
 */
export function ownProfiles(place: Place, policy = 'seccomp = ["debug", "nested"]'): Readonly<Record<string, string>> {
  const settings = join(place.root, 'config/paddock');
  mkdirSync(join(settings, 'profiles'), { recursive: true, mode: 0o700 });
  const strict = readFileSync('profiles/presets/strict.toml', 'utf8').replace(/^require = .*$/m, '');
  writeFileSync(join(settings, 'profiles/thrifty.toml'), strict, { mode: 0o600 });
  writeFileSync(join(settings, 'config.toml'), `[policy]\n${policy}\n`, { mode: 0o600 });
  return { XDG_CONFIG_HOME: join(place.root, 'config') };
}
