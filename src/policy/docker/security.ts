import { isList } from '../json.js';
import type { RuleId } from '../rules.js';
import { deny } from '../verdict.js';
import { text, textList, yesOrNo } from './fold.js';
import type { DockerOption } from './option.js';

/** What loosens when it is named at all; later entries win in engines, so no value of these is looked at. */
const securityOptRules: Readonly<Record<string, RuleId>> = {
  seccomp: 'security-opt.seccomp',
  apparmor: 'security-opt.apparmor',
  label: 'security-opt.label',
  disable: 'security-opt.label',
  mask: 'security-opt.mask',
  unmask: 'security-opt.mask',
  systempaths: 'security-opt.proc',
  'proc-opts': 'security-opt.proc',
  'writable-cgroups': 'security-opt.cgroup',
};

export const securityOptions: readonly DockerOption[] = [
  {
    name: 'SecurityOpt',
    inHostConfig: true,
    apply: (value) => {
      for (const entry of textList(value, 'SecurityOpt', 32)) checkSecurityOpt(entry);
    },
  },
  {
    name: 'CapDrop',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      const names = typeof value === 'string' ? [text(value, 'CapDrop')] : textList(value, 'CapDrop', 64);
      const odd = names.find((name) => !/^(?:all|(?:cap_)?[a-z_]{3,32})$/i.test(name));
      if (odd !== undefined) deny('docker-opts.value', `CapDrop holds no capability's name: ${odd}`);
      if (!names.some((name) => name.toLowerCase() === 'all')) {
        wishes.notes.push('all capabilities are dropped, not only those in CapDrop');
      }
    },
  },
  {
    name: 'CapAdd',
    inHostConfig: true,
    apply: (value) => {
      if (value !== '' && !(isList(value) && value.length === 0)) {
        deny('docker-opts.capability', `CapAdd asks for ${JSON.stringify(value)}`);
      }
    },
  },
  {
    name: 'ReadonlyRootfs',
    inHostConfig: true,
    apply: (value) => {
      if (!yesOrNo(value, 'ReadonlyRootfs')) deny('docker-opts.read-only-root', 'ReadonlyRootfs is false');
    },
  },
];

function checkSecurityOpt(entry: string): void {
  const [, key = '', value] = /^([^=:]*)(?:[=:](.*))?$/s.exec(entry) ?? [];
  const name = key.trim().toLowerCase();
  if (name === 'no-new-privileges') {
    if (value !== undefined && value.toLowerCase() !== 'true') {
      deny('security-opt.no-new-privileges', `SecurityOpt holds ${entry}`);
    }
    return;
  }
  const rule = Object.hasOwn(securityOptRules, name) ? securityOptRules[name] : undefined;
  deny(rule ?? 'security-opt.unknown', `SecurityOpt holds ${entry}`);
}
