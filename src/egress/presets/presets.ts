import type { PresetName } from '../../core/egress-presets.js';
import { PaddockError } from '../../core/errors.js';
import { apt } from './apt.js';
import { cargo } from './cargo.js';
import { git } from './git.js';
import { go } from './go.js';
import { npm } from './npm.js';
import { pip } from './pip.js';
import type { Preset, PresetContext } from './preset.js';

const presets: Readonly<Record<PresetName, Preset>> = { apt, cargo, git, go, npm, pip };

const remedies: Readonly<Record<PresetName, string>> = {
  apt: 'apt-get is not on this machine, or lists no sources',
  cargo: 'cargo has used no registry on this machine, and its settings name none',
  git: 'git is not on this machine, or the user’s and the system’s settings name no host',
  go: 'go is not on this machine, or names no module proxy',
  npm: 'npm is not on this machine, or did not say which registry it uses',
  pip: 'pip for python3 is not on this machine, or did not say which index it uses',
};

/**
 * The rules a preset stands for on this machine, from the user's and the system's settings of the tool itself. Errors: PRESET_UNKNOWN_HERE
 * when they can't be found out or name no host, since a session that was asked to reach a registry would reach nothing.
 */
export async function presetRules(name: PresetName, context: PresetContext): Promise<readonly string[]> {
  const rules = await presets[name](context);
  if (rules !== undefined && rules.length > 0) return rules;
  throw unknownHere(name, remedies[name]);
}

export function unknownHere(name: PresetName, why: string): PaddockError {
  return new PaddockError('PRESET_UNKNOWN_HERE', `the preset ${name} has no hosts here: ${why}`, {
    info: { preset: name },
  });
}
