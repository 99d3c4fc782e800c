import { isObject, type Json } from '../json.js';
import { checkEnv, checkHostname, checkLabel, maxEnvEntries, maxLabels, splitEnvEntry } from '../names.js';
import { insidePath } from '../paths.js';
import { deny } from '../verdict.js';
import { text, textList, yesOrNo } from './fold.js';
import type { DockerOption, OptionContext } from './option.js';

/** What Docker keeps in the container's own part of the request: who, where, with which surroundings. */
export const identityOptions: readonly DockerOption[] = [
  { name: 'Image', inHostConfig: false, apply: (value, { wishes }) => setText(value, 'image', 'Image', wishes) },
  {
    name: 'User',
    inHostConfig: false,
    apply: (value, { sandboxUsers }) => {
      const user = text(value, 'User');
      if (user !== '' && !sandboxUsers.includes(user)) deny('docker-opts.user', `User is ${user}`);
    },
  },
  { name: 'Env', inHostConfig: false, apply: (value, context) => applyEnv(value, context) },
  { name: 'Labels', inHostConfig: false, apply: (value, context) => applyLabels(value, context) },
  {
    name: 'Hostname',
    inHostConfig: false,
    apply: (value, { wishes }) => {
      const name = text(value, 'Hostname');
      if (name !== '') wishes.set('hostname', checkHostname(name), 'dockerOpts.Hostname');
    },
  },
  {
    name: 'WorkingDir',
    inHostConfig: false,
    apply: (value, { wishes }) => {
      const path = text(value, 'WorkingDir');
      if (path !== '') wishes.set('workdir', insidePath(path, 'WorkingDir'), 'dockerOpts.WorkingDir');
    },
  },
  {
    name: 'NetworkMode',
    inHostConfig: true,
    apply: (value, { wishes }) => setText(value, 'network', 'NetworkMode', wishes),
  },
  {
    name: 'NetworkDisabled',
    inHostConfig: false,
    apply: (value) => {
      if (!yesOrNo(value, 'NetworkDisabled')) deny('network.mode', 'NetworkDisabled is false');
    },
  },
  {
    name: 'Init',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      if (!yesOrNo(value, 'Init')) wishes.notes.push("process 1 is always Paddock's own init, whatever Init says");
    },
  },
];

function setText(value: Json, key: 'image' | 'network', name: string, wishes: OptionContext['wishes']): void {
  wishes.set(key, text(value, name), `dockerOpts.${name}`);
}

function applyEnv(value: Json, { wishes }: OptionContext): void {
  const seen = new Set<string>();
  for (const entry of textList(value, 'Env', maxEnvEntries)) {
    const [name, content] = splitEnvEntry(entry);
    checkEnv(name, content);
    if (seen.has(name)) deny('docker-opts.duplicate-key', `Env holds ${name} twice`);
    seen.add(name);
    wishes.setEnv(name, content);
  }
}

function applyLabels(value: Json, { wishes }: OptionContext): void {
  if (!isObject(value)) deny('docker-opts.value', 'Labels is not an object');
  const entries = Object.entries(value);
  if (entries.length > maxLabels) deny('labels.malformed', `more than ${maxLabels} labels`);
  for (const [name, item] of entries) {
    const content = text(item, `label ${name}`);
    checkLabel(name, content);
    wishes.setLabel(name, content);
  }
}
