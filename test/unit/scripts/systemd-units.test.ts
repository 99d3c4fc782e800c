import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describe, expect, it } from 'vitest';
import { commandLoaders } from '../../../src/cli/commands/index.js';
import { commonOptions } from '../../../src/cli/common-options.js';
import { settingOptions } from '../../../src/cli/settings.js';

const units = readdirSync('systemd').filter((name) => /\.(service|timer|socket)$/.test(name));
const read = (name: string): string => readFileSync(`systemd/${name}`, 'utf8');
/** What is run, also in what a comment proposes. */
const runs = units.flatMap((name) =>
  [...read(name).matchAll(/^#? *Exec\w+=(.+)$/gm)].map((found) => [name, found[1] ?? '']),
);
/** Loaded here: it takes seconds on a busy machine, which are no test's. */
const options = new Map(
  await Promise.all(
    runs.map(async ([, line = '']) => {
      const command = line.split(' ')[2] ?? '';
      return [command, (await commandLoaders[command]?.())?.options] as const;
    }),
  ),
);

describe('the shipped units of systemd', () => {
  it.each(runs)('%s runs a command that there is, with options that it takes: %s', (_name, line) => {
    const [env, program, command = '', ...args] = line.split(' ');
    expect([env, program]).toEqual(['/usr/bin/env', 'paddock']);
    expect(options.get(command), `there is no paddock ${command}`).toBeDefined();
    const all = { ...options.get(command), ...settingOptions, ...commonOptions };
    expect(() => parseArgs({ args, options: all, allowPositionals: true, strict: true })).not.toThrow();
  });

  it.each(units.filter((name) => name.endsWith('.service')))('%s is known to the journal by our name', (name) => {
    expect(read(name)).toMatch(/^SyslogIdentifier=paddock$/m);
  });

  it.each(units.filter((name) => name.endsWith('.timer')))('%s starts a service that is shipped, and ends', (name) => {
    expect(read(name)).toMatch(/^WantedBy=timers\.target$/m);
    expect(read(name.replace(/timer$/, 'service'))).toMatch(/^Type=oneshot$/m);
  });
});
