import { seccompProfiles } from '../../confine/seccomp/profile.js';
import { PaddockError } from '../../core/errors.js';
import { seccompVariants } from '../../core/spec.js';
import type { CliCommand, CommandContext } from '../command.js';
import { type LsmProfile, lsmProfiles } from '../lsm-profiles.js';
import { report, table } from '../output.js';
import { callerUid } from '../settings.js';
import { checkPreset, listPresets, showPreset } from './presets.js';
import { planOptions } from './request.js';

const actions = { show, check, install, uninstall };

/** What is for the kernel reads no setting of ours, so that root may run it anywhere. */
export const profiles: CliCommand = {
  name: 'profiles',
  usage: 'profiles list | show NAME [OPTIONS] | check NAME | install|uninstall apparmor|apparmor-nested|selinux',
  summary:
    'what --profile can name, with where each value comes from; and the security profiles, which an administrator installs once',
  mostPositionals: 2,
  options: planOptions,
  async run(context) {
    const [action = '', name] = context.positionals;
    if (action === 'list') {
      if (name !== undefined) throw new PaddockError('BAD_ARGUMENT', 'list takes no name');
      refuseOptions(context);
      return await list(context);
    }
    const known = Object.hasOwn(actions, action) ? actions[action as keyof typeof actions] : undefined;
    if (known === undefined) throw new PaddockError('BAD_ARGUMENT', 'say list, show, check, install or uninstall');
    const all = lsmProfiles();
    const profile = all.find((one) => one.name === name);
    const names: readonly string[] = [...all.map((one) => one.name), ...(action === 'show' ? filterNames() : [])];
    if (name !== undefined && !names.includes(name)) {
      if (action === 'show') return await showPreset(context, name, names);
      if (action === 'check') return await checkPreset(context, name, names);
    }
    refuseOptions(context);
    if (profile !== undefined) return await known(context, profile);
    if (name !== undefined && names.includes(name)) return await showFilter(context, name);
    throw new PaddockError('BAD_ARGUMENT', `name one of ${names.join(', ')}`);
  },
};

/** They say what a session would be, and so mean nothing here. */
function refuseOptions({ values }: CommandContext): void {
  const given = Object.keys(planOptions).find((name) => values[name] !== undefined);
  if (given !== undefined)
    throw new PaddockError('BAD_ARGUMENT', `--${given} goes with show and check of what --profile names`);
}

const filterNames = (): readonly string[] => seccompVariants.map((variant) => `seccomp-${variant}`);

async function list(context: CommandContext): Promise<number> {
  const states = await Promise.all(lsmProfiles().map(async (one) => ({ name: one.name, ...(await one.state()) })));
  const filters = seccompProfiles().map(({ variant, fingerprint }) => ({ name: `seccomp-${variant}`, fingerprint }));
  const rows = [
    ...states.map(({ name, words }) => [name, words]),
    ...filters.map(({ name, fingerprint }) => [name, `given to the engine with each sandbox (${fingerprint})`]),
  ];
  const found = [...states.map(({ name, facts }) => ({ name, ...facts })), ...filters];
  const presets = await listPresets(context);
  const document = { profiles: found, presets: presets.document };
  await report(context, document, `${presets.text}\n\n${table(rows)}`);
  return 0;
}

async function showFilter(context: CommandContext, name: string): Promise<number> {
  const filter = seccompProfiles().find(({ variant }) => name === `seccomp-${variant}`);
  const { fingerprint, json: text = '' } = filter ?? {};
  await report(context, { name, fingerprint, text }, text.trimEnd());
  return 0;
}

async function show(context: CommandContext, profile: LsmProfile): Promise<number> {
  const text = await profile.text();
  const { name, installed } = profile;
  await report(context, { name, ...(installed === undefined ? {} : { installed }), text }, text.trimEnd());
  return 0;
}

/** 0: every sandbox is put under it, as it came with this Paddock. */
async function check(context: CommandContext, profile: LsmProfile): Promise<number> {
  const { facts, words, isGood } = await profile.state();
  await report(context, { name: profile.name, ...facts, ok: isGood }, `${profile.name}: ${words}`);
  return isGood ? 0 : 1;
}

async function install(context: CommandContext, profile: LsmProfile): Promise<number> {
  refuseUnlessRoot('install', profile);
  await done(context, profile, await profile.install());
  return 0;
}

async function uninstall(context: CommandContext, profile: LsmProfile): Promise<number> {
  refuseUnlessRoot('uninstall', profile);
  await done(context, profile, await profile.uninstall());
  return 0;
}

async function done(context: CommandContext, profile: LsmProfile, text: string): Promise<void> {
  const { facts } = await profile.state();
  await report(context, { name: profile.name, ...facts }, text);
}

function refuseUnlessRoot(action: 'install' | 'uninstall', profile: LsmProfile): void {
  if (callerUid() === 0) return;
  throw new PaddockError('PROFILE_NOT_LOADED', 'only root may change the profiles of a kernel', {
    hint: `Run it with sudo; where root does not find paddock or node: \`${profile.byHand(action)}\`.`,
  });
}
