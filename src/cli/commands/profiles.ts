import { apparmorNames } from '../../confine/apparmor.js';
import { AppArmorInstall, type AppArmorState } from '../../confine/apparmor-install.js';
import { seccompProfiles } from '../../confine/seccomp/profile.js';
import { PaddockError } from '../../core/errors.js';
import { seccompVariants } from '../../core/spec.js';
import { shippedAppArmor } from '../app.js';
import type { CliCommand, CommandContext } from '../command.js';
import { report, table } from '../output.js';
import { callerUid } from '../settings.js';
import { checkPreset, listPresets, showPreset } from './presets.js';
import { planOptions } from './request.js';

type AppArmorName = keyof typeof apparmorNames;

const actions = { list, show, check, install, uninstall };

/** What is for the kernel reads no setting of ours, so that root may run it anywhere. */
export const profiles: CliCommand = {
  name: 'profiles',
  usage: 'profiles list | show NAME [OPTIONS] | check NAME | install|uninstall apparmor|apparmor-nested',
  summary:
    'what --profile can name, with where each value comes from; and the security profiles, which an administrator installs once',
  mostPositionals: 2,
  options: planOptions,
  async run(context) {
    const [action = '', name] = context.positionals;
    const known = Object.hasOwn(actions, action) ? actions[action as keyof typeof actions] : undefined;
    if (known === undefined) throw new PaddockError('BAD_ARGUMENT', 'say list, show, check, install or uninstall');
    const names: readonly string[] = [...Object.keys(apparmorNames), ...(action === 'show' ? filterNames() : [])];
    if (name !== undefined && !names.includes(name)) {
      if (action === 'show') return await showPreset(context, name, names);
      if (action === 'check') return await checkPreset(context, name, names);
    }
    refuseOptions(context);
    if (action === 'list' ? name !== undefined : name === undefined || !names.includes(name)) {
      throw new PaddockError(
        'BAD_ARGUMENT',
        action === 'list' ? 'list takes no name' : `name one of ${names.join(', ')}`,
      );
    }
    return await known(context, apparmorOf(nameIn(context)));
  },
};

/** The AppArmor profile that is named; the first where none is. */
const nameIn = ({ positionals }: CommandContext): AppArmorName =>
  positionals[1] === 'apparmor-nested' ? positionals[1] : 'apparmor';
const apparmorOf = (name: AppArmorName) => new AppArmorInstall(shippedAppArmor(apparmorNames[name]));

/** They say what a session would be, and so mean nothing here. */
function refuseOptions({ values }: CommandContext): void {
  const given = Object.keys(planOptions).find((name) => values[name] !== undefined);
  if (given !== undefined)
    throw new PaddockError('BAD_ARGUMENT', `--${given} goes with show and check of what --profile names`);
}

const filterNames = () => seccompVariants.map((variant) => `seccomp-${variant}`);

async function list(context: CommandContext): Promise<number> {
  const names = Object.keys(apparmorNames) as AppArmorName[];
  const labels = await Promise.all(names.map(async (name) => ({ name, ...(await apparmorOf(name).state()) })));
  const filters = seccompProfiles().map(({ variant, fingerprint }) => ({ name: `seccomp-${variant}`, fingerprint }));
  const rows = filters.map(({ name, fingerprint }) => [name, `given to the engine with each sandbox (${fingerprint})`]);
  const states = labels.map((state) => [state.name, words(state)]);
  const presets = await listPresets(context);
  const security = table([...states, ...rows]);
  await report(
    context,
    { profiles: [...labels, ...filters], presets: presets.document },
    `${presets.text}\n\n${security}`,
  );
  return 0;
}

async function show(context: CommandContext, apparmor: AppArmorInstall): Promise<number> {
  const [, name] = context.positionals;
  const filter = seccompProfiles().find(({ variant }) => name === `seccomp-${variant}`);
  if (filter !== undefined) {
    await report(context, { name, fingerprint: filter.fingerprint, text: filter.json }, filter.json.trimEnd());
    return 0;
  }
  const text = await apparmor.text();
  await report(context, { name, installed: apparmor.installed, text }, text.trimEnd());
  return 0;
}

/** 0: every sandbox is put under it, as it came with this Paddock. */
async function check(context: CommandContext, apparmor: AppArmorInstall): Promise<number> {
  const state = await apparmor.state();
  const { isOn, mode, file, loaded } = state;
  const isGood = isOn && mode === 'enforce' && file === 'current' && loaded.is === 'shipped';
  const name = nameIn(context);
  await report(context, { name, ...state, ok: isGood }, `${name}: ${words(state)}`);
  return isGood ? 0 : 1;
}

async function install(context: CommandContext, apparmor: AppArmorInstall): Promise<number> {
  refuseUnlessRoot(context, apparmor);
  await apparmor.install();
  await done(context, apparmor, `${apparmor.installed} is there and loaded; sandboxes that start now are under it.`);
  return 0;
}

async function uninstall(context: CommandContext, apparmor: AppArmorInstall): Promise<number> {
  refuseUnlessRoot(context, apparmor);
  const wasThere = await apparmor.uninstall();
  await done(
    context,
    apparmor,
    wasThere ? `${apparmor.installed} is gone and not loaded any more.` : 'It was not there.',
  );
  return 0;
}

async function done(context: CommandContext, apparmor: AppArmorInstall, text: string): Promise<void> {
  await report(context, { name: nameIn(context), ...(await apparmor.state()) }, text);
}

function refuseUnlessRoot(context: CommandContext, { installed }: AppArmorInstall): void {
  if (callerUid() === 0) return;
  const [action] = context.positionals;
  const byHand =
    action === 'install'
      ? `paddock profiles show ${nameIn(context)} | sudo tee ${installed} >/dev/null && sudo apparmor_parser -r ${installed}`
      : `sudo apparmor_parser -R ${installed} && sudo rm ${installed}`;
  throw new PaddockError('PROFILE_NOT_LOADED', 'only root may change the profiles of a kernel', {
    hint: `Run it with sudo; where root does not find paddock or node: \`${byHand}\`.`,
  });
}

function words({ isOn, file, mode, loaded: { is, hash, why } }: AppArmorState): string {
  if (!isOn) return 'this kernel does not use AppArmor';
  const what = hash === undefined ? is : `${is} ${hash}`;
  const loaded = mode === undefined ? 'not loaded' : `loaded (${mode}, ${what}${why === undefined ? '' : `: ${why}`})`;
  const files = {
    current: 'its file as it came with this Paddock',
    another: 'its file of another version',
    none: 'not installed',
  };
  return `${loaded}, ${files[file]}`;
}
