import { isList, type Json } from '../json.js';
import { count, size } from '../quantities.js';
import { deny } from '../verdict.js';
import { foldKeys, text } from './fold.js';
import type { DockerOption, OptionContext } from './option.js';

/** `Ulimits: [{Name, Soft, Hard}]`. */
export const ulimitOptions: readonly DockerOption[] = [
  { name: 'Ulimits', inHostConfig: true, apply: (value, context) => applyUlimits(value, context) },
];

function applyUlimits(value: Json, context: OptionContext): void {
  if (!isList(value) || value.length > 16) deny('docker-opts.value', 'Ulimits is not a list of up to 16 objects');
  const seen = new Set<string>();
  for (const entry of value) {
    const fields = foldKeys(entry, ['Name', 'Soft', 'Hard'], 'Ulimits');
    const name = text(fields.get('Name') ?? null, 'the name of a ulimit').toLowerCase();
    if (seen.has(name)) deny('docker-opts.duplicate-key', `Ulimits holds ${name} twice`);
    seen.add(name);
    applyUlimit(name, fields.get('Soft'), fields.get('Hard'), context);
  }
}

function applyUlimit(name: string, soft: Json | undefined, hard: Json | undefined, { wishes }: OptionContext): void {
  const from = `dockerOpts.Ulimits.${name}`;
  if (soft === undefined && hard === undefined) deny('docker-opts.value', `ulimit ${name} has neither Soft nor Hard`);
  const values = [soft, hard].filter((item) => item !== undefined);
  if (name === 'core') {
    if (values.some((item) => item !== 0))
      deny('ulimits.unsupported', 'core dumps are always off, so core can only be 0');
    return;
  }
  const parse = name === 'fsize' ? size : count;
  const numbers = values.map((item) => parse(item, `ulimit ${name}`));
  const low = Math.min(...numbers);
  if (soft !== undefined && hard !== undefined && low !== numbers[0]) {
    deny('docker-opts.value', `ulimit ${name} has Soft above Hard`);
  }
  if (numbers.some((item) => item !== low)) wishes.notes.push(`${name}: ${low} is both the soft and the hard limit`);
  if (name === 'nofile') wishes.set('nofile', low, from);
  else if (name === 'fsize') wishes.set('fsizeBytes', low, from);
  else if (name === 'nproc') {
    // RLIMIT_NPROC counts a user's processes everywhere, other sandboxes included; the pids cgroup counts this one's.
    wishes.set('pids', low, from);
    wishes.notes.push(`nproc is applied as the sandbox's limit of processes: ${low}`);
  } else deny('ulimits.unsupported', `ulimit ${name} can't be set`);
}
