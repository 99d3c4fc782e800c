import type { ControlEvidence } from '../../core/evidence.js';
import { safeLine } from '../../kit/safe-text.js';
import { nestedProfile } from '../apparmor.js';
import type { LoadedState } from '../apparmor-record.js';
import { control, type Judge } from './control.js';

/** SELinux types that confine nothing. */
const unconfinedTypes = [
  'spc_t',
  'unconfined_t',
  'unconfined_service_t',
  'container_runtime_t',
  'initrc_t',
  'kernel_t',
];

/**
 * A profile in enforce mode. A stack of profiles in several modes shows as `mixed`, which does not say which is which; ours
 * denies in any stack, when the kernel has it loaded to enforce.
 */
export const judgeAppArmor: Judge = (seen, { apparmorProfile, info }) => {
  const asked = apparmorProfile ?? 'none';
  const engine = info === undefined ? undefined : info.apparmor ? 'supported' : 'not supported';
  const row = (
    kernel: string,
    status: 'enforced' | 'degraded' | 'absent' | 'unknown',
    note?: string,
  ): ControlEvidence => control('apparmor', { asked, engine, kernel }, status, note);
  const label = seen.apparmorLabel ?? (isSelinuxLabel(seen.label) ? undefined : seen.label);
  const remedy =
    apparmorProfile === undefined
      ? "Commands go through the engine's exec, which no profile of ours reaches: set `channel` to fifo or attach."
      : `Load it once: \`sudo paddock profiles install ${apparmorProfile === nestedProfile ? 'apparmor-nested' : 'apparmor'}\`.`;
  if (label === undefined || label === '') {
    if (apparmorProfile === undefined) return row('not in use', 'absent', 'AppArmor is not in use on this host.');
    return row('-', 'unknown', 'The label could not be read; AppArmor may not be in use on this host.');
  }
  const match = /^(.*) \((enforce|complain|mixed|kill|prompt|unconfined)\)$/.exec(label);
  const loaded = seen.apparmorLoaded;
  const kernel = `${safeLine(label, 80)}${loaded === undefined ? '' : loadedText(loaded)}`;
  if (match?.[1] === undefined || match[2] === 'unconfined') return row(safeLine(label, 80), 'absent', remedy);
  const profiles = match[1].split('//&');
  if (apparmorProfile !== undefined && !profiles.includes(apparmorProfile)) {
    return row(kernel, 'degraded', `Another profile than the one asked for. ${remedy}`);
  }
  const denies = (mode: string | undefined) => mode === 'enforce' || mode === 'kill';
  const isMixed = match[2] === 'mixed' && apparmorProfile !== undefined;
  if (denies(isMixed ? seen.apparmorMode : match[2])) {
    const { status, note } = judgeLoaded(loaded);
    return row(kernel, status, note);
  }
  return row(kernel, 'degraded', `The kernel reports ${match[2]} mode, so it can not be told that it denies.`);
};

/** It denies; but what? Only what is known to be something else than this Paddock's counts for less. */
function judgeLoaded(loaded: LoadedState | undefined): {
  readonly status: 'enforced' | 'degraded';
  readonly note?: string;
} {
  if (loaded === undefined || loaded.is === 'shipped') return { status: 'enforced' };
  const again = 'Install it again: `sudo paddock profiles install apparmor`.';
  if (loaded.is !== 'unknown') return { status: 'degraded', note: `Not as shipped: ${loaded.why}. ${again}` };
  return { status: 'enforced', note: `Whether it is as shipped can not be told: ${loaded.why}. ${again}` };
}

function loadedText({ is, hash }: LoadedState): string {
  const words = {
    shipped: 'as shipped',
    outdated: 'outdated',
    changed: 'changed',
    unknown: 'not known whether as shipped',
  };
  return `, ${hash === undefined ? '' : `${hash} `}${words[is]}`;
}

/** Enforcing, in our type and with a category pair of its own. */
export const judgeSelinux: Judge = (seen, { info, selinuxType }) => {
  const asked = selinuxType ?? 'none';
  const engine = info === undefined ? undefined : info.selinux ? 'supported' : 'not supported';
  const { label, isSelinuxEnforcing } = seen;
  if (!isSelinuxLabel(label)) {
    const isHere = isSelinuxEnforcing !== undefined;
    const note = isHere ? 'The label could not be read.' : 'SELinux is not in use on this host.';
    return control('selinux', { asked, engine }, isHere ? 'unknown' : 'absent', note);
  }
  const row = (status: 'enforced' | 'degraded' | 'absent' | 'unknown', note?: string): ControlEvidence =>
    control('selinux', { asked, engine, kernel: safeLine(label, 80) }, status, note);
  const type = label.split(':')[2] ?? '';
  if (isSelinuxEnforcing === undefined) return row('unknown', 'Whether SELinux enforces could not be read.');
  if (unconfinedTypes.includes(type)) {
    return row(
      'absent',
      'The type confines nothing: the engine has labels switched off (`label`, `--selinux-enabled`).',
    );
  }
  if (!isSelinuxEnforcing) return row('degraded', 'SELinux is permissive: `setenforce 1`.');
  if (!/:s\d+(?:-s\d+)?:c\d/.test(label)) {
    return row('degraded', 'There is no category that keeps sandboxes apart.');
  }
  if (type !== selinuxType) {
    return row(
      'degraded',
      "The engine's own type allows more. Load ours once: `sudo paddock profiles install selinux`.",
    );
  }
  return row('enforced');
};

/** `user:role:type:level`; AppArmor's labels have no such form. */
function isSelinuxLabel(label: string | undefined): label is string {
  return label !== undefined && /^[\w.-]+:[\w.-]+:[\w.-]+(?::[\w.:,-]+)?$/.test(label);
}
