import { ConfigError } from '../core/errors.js';
import { isProfileAllowed, type Profile, type ProfileDefaults, standardProfile } from '../core/profile.js';
import { safeLine } from '../kit/safe-text.js';
import { defaultKeys } from './defaults.js';
import type { ConfigEffects } from './effects.js';
import type { PolicyDraft } from './policy-draft.js';
import { type ProfileFile, profileFileSchema } from './schema.js';
import { parseToml } from './toml.js';
import { checkWriters } from './trust.js';

/** A folder of profiles, one to a file. */
export interface ProfileFolder {
  readonly path: string;
  readonly isShipped: boolean;
  /** Who may have written it; absent: whoever installed Paddock. */
  readonly owners?: readonly number[];
  readonly followLinks?: boolean;
}

const mostProfiles = 64;
const ending = '.toml';
/** The security profiles are listed, shown and checked by the same command. */
const names = /^(?!(?:apparmor|selinux|seccomp)(?:-|$))[a-z][a-z0-9-]{0,31}$/;

/**
 * Every profile of these folders. A name stands for one thing: a second one of the same name is refused, wherever it lies, so that nobody
 * gets another `strict` than the one they know. Errors: BAD_CONFIG, naming the file.
 */
export async function loadProfiles(
  folders: readonly ProfileFolder[],
  effects: ConfigEffects,
): Promise<readonly Profile[]> {
  const found = (await Promise.all(folders.map((folder) => profilesIn(folder, effects)))).flat();
  for (const [index, { name, path = '' }] of found.entries()) {
    const first = found.findIndex((other) => other.name === name);
    if (first === index) continue;
    const { isShipped, path: taken = '' } = found[first] ?? standardProfile;
    const whose = isShipped ? 'a profile that comes with Paddock' : taken;
    throw bad(path, `the name ${name} belongs to ${whose}: no other can take its place`, 'Give the file another name.');
  }
  return found.some(({ name }) => name === standardProfile.name) ? found : [standardProfile, ...found];
}

async function profilesIn(folder: ProfileFolder, effects: ConfigEffects): Promise<readonly Profile[]> {
  const { path, isShipped, owners, followLinks = false } = folder;
  const listed = await effects.readFolder(path, followLinks);
  if (listed === undefined) return [];
  if (owners !== undefined) checkWriters(listed, path, owners);
  const files = listed.names.filter((name) => name.endsWith(ending));
  if (files.length > mostProfiles) throw bad(path, `there are more than ${mostProfiles} profiles`);
  const read = files.map(async (file): Promise<readonly Profile[]> => {
    const found = await effects.readFile(`${path}/${file}`, followLinks);
    // Gone since it was listed.
    if (found === undefined) return [];
    if (owners !== undefined) checkWriters(found, `${path}/${file}`, owners);
    const name = file.slice(0, -ending.length);
    if (!names.test(name)) throw bad(`${path}/${safeLine(file, 80)}`, 'its name is none for a profile', nameHint);
    return [{ name, path: `${path}/${file}`, isShipped, ...contents(found.text, `${path}/${file}`) }];
  });
  return (await Promise.all(read)).flat();
}

const nameHint =
  'Name it with small letters, digits and -, beginning with a letter, and not like a security profile (apparmor, selinux, seccomp).';

function contents(text: string, path: string): Omit<Profile, 'name' | 'path' | 'isShipped'> {
  const { description, only_tightens, require, defaults }: ProfileFile = parseToml(text, path, profileFileSchema);
  const given = Object.entries(defaults ?? {}).map(([key, value]) => [
    defaultKeys[key as keyof typeof defaultKeys],
    value,
  ]);
  return {
    description,
    onlyTightens: only_tightens ?? false,
    require: require ?? [],
    // The schema has the same keys, and made the values.
    defaults: Object.fromEntries(given) as ProfileDefaults,
  };
}

/**
 * What a request gets that names no profile: what the settings name, else `standard`; where the policy does not let that be asked for, the
 * first that it does. Errors: BAD_CONFIG.
 */
export function settleProfile(draft: PolicyDraft, profiles: readonly Profile[]): void {
  const { defaults, profiles: allowed } = draft.policy;
  const known = profiles.map(({ name }) => name);
  const setBy = draft.origins.get('policy.profiles') ?? 'default';
  if (!isProfileAllowed(defaults.profile, allowed)) {
    const first = allowed.flatMap((pattern) => known.filter((name) => isProfileAllowed(name, [pattern]))).at(0);
    if (first === undefined) throw bad(setBy, `profiles: none of them is there, only ${known.join(', ')}`);
    draft.policy = { ...draft.policy, defaults: { ...defaults, profile: first } };
    draft.origins.set('defaults.profile', setBy);
  } else if (!known.includes(defaults.profile)) {
    const origin = draft.origins.get('defaults.profile') ?? 'default';
    throw bad(origin, `defaults.profile: there is no profile ${defaults.profile}, only ${known.join(', ')}`);
  }
}

function bad(where: string, why: string, hint?: string): ConfigError {
  return new ConfigError('BAD_CONFIG', `${where}: ${why}`, {
    info: { file: where },
    ...(hint === undefined ? {} : { hint }),
  });
}
