import { isList, isObject, type Json } from '../json.js';
import { hostPath, mountTarget } from '../paths.js';
import { size } from '../quantities.js';
import { deny } from '../verdict.js';
import type { TmpfsWish } from '../wishes.js';
import { foldKeys, text, textList, yesOrNo } from './fold.js';
import type { DockerOption, OptionContext } from './option.js';

const maxEntries = 32;

/** `Binds`, `Mounts` and `Tmpfs`, each reduced to a plain bind or a sized tmpfs; everything else in them is refused. */
export const mountOptions: readonly DockerOption[] = [
  {
    name: 'Binds',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      for (const entry of textList(value, 'Binds', maxEntries)) wishes.mounts.push(bind(entry));
    },
  },
  { name: 'Mounts', inHostConfig: true, apply: (value, context) => applyMounts(value, context) },
  {
    name: 'Tmpfs',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      if (!isObject(value)) deny('docker-opts.value', 'Tmpfs is not an object of path to options');
      const entries = Object.entries(value);
      if (entries.length > maxEntries) deny('tmpfs.option', `more than ${maxEntries} tmpfs`);
      for (const [path, options] of entries) wishes.tmpfs.push(tmpfs(path, text(options, `Tmpfs ${path}`)));
    },
  },
];

function bind(entry: string) {
  const [source = '', target = '', options = 'rw', ...rest] = entry.split(':');
  if (rest.length > 0 || target === '') deny('mounts.malformed', `not of the form source:target:ro: ${entry}`);
  if (!source.startsWith('/')) deny('mounts.volume', `Binds names a volume: ${entry}`);
  if (options !== 'ro' && options !== 'rw') deny('mounts.malformed', `only ro or rw may stand after a bind: ${entry}`);
  return {
    hostPath: hostPath(source, 'the source of a bind'),
    target: mountTarget(target, 'the target of a bind'),
    readOnly: options === 'ro',
    purpose: 'extra' as const,
  };
}

function applyMounts(value: Json, { wishes }: OptionContext): void {
  if (!isList(value) || value.length > maxEntries)
    deny('mounts.malformed', `Mounts is not a list of up to ${maxEntries}`);
  const keys = ['Type', 'Source', 'Target', 'ReadOnly', 'Consistency', 'BindOptions', 'VolumeOptions', 'TmpfsOptions'];
  for (const entry of value) {
    const fields = foldKeys(entry, keys, 'Mounts');
    const type = text(fields.get('Type') ?? null, 'the Type of a mount');
    const target = mountTarget(text(fields.get('Target') ?? null, 'the Target of a mount'), 'the Target of a mount');
    if (type === 'volume') deny('mounts.volume', `Mounts asks for a volume at ${target}`);
    if (type !== 'bind' && type !== 'tmpfs') deny('mounts.malformed', `Mounts asks for type ${type}`);
    const foreign = ['BindOptions', 'VolumeOptions', type === 'bind' ? 'TmpfsOptions' : 'Source', 'Consistency'];
    const given = foreign.find((name) => fields.has(name));
    if (given !== undefined) deny('mounts.malformed', `${given} can't be set on a mount of type ${type}`);
    const readOnly = yesOrNo(fields.get('ReadOnly') ?? false, 'ReadOnly of a mount');
    if (type === 'bind') {
      const source = hostPath(text(fields.get('Source') ?? null, 'the Source of a mount'), 'the Source of a mount');
      wishes.mounts.push({ hostPath: source, target, readOnly, purpose: 'extra' });
    } else {
      if (readOnly) deny('tmpfs.option', `a read-only tmpfs at ${target} would be of no use`);
      wishes.tmpfs.push(tmpfsMount(target, fields.get('TmpfsOptions')));
    }
  }
}

function tmpfsMount(target: string, options: Json | undefined): TmpfsWish {
  if (options === undefined) return { target };
  const fields = foldKeys(options, ['SizeBytes', 'Mode'], 'TmpfsOptions');
  const sizeBytes = fields.get('SizeBytes');
  const mode = fields.get('Mode');
  return {
    target,
    ...(sizeBytes === undefined ? {} : { sizeBytes: size(sizeBytes, 'SizeBytes') }),
    ...(mode === undefined ? {} : { mode: checkMode(mode, JSON.stringify(mode)) }),
  };
}

/** `path: "size=64m,mode=1777,noexec"`; of the flags only exec is a choice, the others say what is so anyway. */
function tmpfs(path: string, options: string): TmpfsWish {
  const wish: { -readonly [K in keyof TmpfsWish]: TmpfsWish[K] } = { target: mountTarget(path, 'a tmpfs') };
  const seen = new Set<string>();
  for (const option of options === '' ? [] : options.split(',')) {
    const [key = '', value] = option.split(/=(.*)/s);
    const name = key === 'noexec' ? 'exec' : key;
    if (seen.has(name)) deny('tmpfs.option', `${path} has ${name} twice: ${options}`);
    seen.add(name);
    if (key === 'size' && value !== undefined) wish.sizeBytes = size(value, `the size of ${path}`);
    else if (key === 'mode' && value !== undefined && /^0?[0-7]{3,4}$/.test(value)) {
      wish.mode = checkMode(Number.parseInt(value, 8), value);
    } else if (option === 'exec' || option === 'noexec') wish.executable = option === 'exec';
    else if (!['rw', 'nosuid', 'nodev'].includes(option)) deny('tmpfs.option', `${path} has the option ${option}`);
  }
  return wish;
}

function checkMode(mode: Json, shown: string): number {
  // Set-user-id and set-group-id bits on a folder hand its group on; nothing here needs them.
  if (typeof mode !== 'number' || !Number.isSafeInteger(mode) || mode <= 0 || mode > 0o1777) {
    deny('tmpfs.option', `the mode ${shown} is not between 1 and 1777 (octal)`);
  }
  return mode;
}
