import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { CliCommand } from '../../../src/cli/command.js';
import { commandLoaders } from '../../../src/cli/commands/index.js';
import { commonOptions } from '../../../src/cli/common-options.js';
import { manPages } from '../../../src/cli/man-pages.js';
import { settingOptions } from '../../../src/cli/settings.js';
import { errorTable } from '../../../src/core/errors.js';

const commands = await Promise.all(Object.values(commandLoaders).map((load) => load()));
const pages = new Map(manPages(commands, '2026-11-23').map(({ name, text }) => [name, text]));

/** mandoc reads what groff reads by rules of its own, and is what some distributions and browsers of manuals show pages with. */
const mandoc = ['/usr/bin/mandoc', '/usr/local/bin/mandoc'].find((path) => existsSync(path));

/** As a reader sees it, without line breaks; fails on whatever groff warns of. */
function shown(text: string): string {
  const { status, stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-cbou', '-rLL=200n'], {
    input: text,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  // Lines are broken behind dashes.
  return stdout.replace(/([-‐])\n\s+/g, '$1').replace(/\s+/g, ' ');
}

describe('the manual pages', () => {
  it('are one for the program and one for each command that is for people', () => {
    const names = commands.filter(({ isHidden }) => isHidden !== true).map(({ name }) => `paddock-${name}.1`);
    expect([...pages.keys()]).toEqual(['paddock.1', ...names]);
    expect(names).toContain('paddock-audit.1');
    expect(pages.has('paddock-keep.1')).toBe(false);
  });

  it('have every command, setting and error', () => {
    const text = shown(pages.get('paddock.1') ?? '');
    for (const { name, summary, isHidden } of commands) {
      if (isHidden === true) continue;
      expect(text).toContain(`paddock-${name}(1)`);
      expect(text).toContain(summary.replace(/\s+/g, ' '));
    }
    for (const name of Object.keys({ ...settingOptions, ...commonOptions })) expect(text).toContain(`--${name} `);
    for (const code of Object.keys(errorTable)) expect(text).toContain(code);
  });

  it.each(commands.filter(({ isHidden }) => isHidden !== true))(
    'have every option of $name, with what help says of it',
    ({ name, usage, options }) => {
      const text = shown(pages.get(`paddock-${name}.1`) ?? '');
      expect(text).toContain(`paddock ${usage}`.replace(/\s+/g, ' '));
      for (const [option, { type, help }] of Object.entries(options)) {
        expect(text).toContain(`--${option}${type === 'string' ? ' VALUE' : ''} ${help.replace(/\s+/g, ' ')}`);
      }
    },
  );

  it.runIf(mandoc !== undefined)('are without a word of mandoc’s lint', () => {
    for (const [name, text] of pages) {
      const { status, stdout } = spawnSync(mandoc ?? '', ['-T', 'lint'], { input: text, encoding: 'utf8' });
      expect([name, status, stdout]).toEqual([name, 0, '']);
    }
  });

  it('have lines that no reader of pages finds long, and a date', () => {
    for (const [, text] of pages) {
      expect(text.split('\n').filter((line) => line.length > 80 && !/^[.]TH |^\\fB/.test(line))).toEqual([]);
      expect(text).toMatch(/^\.TH PADDOCK\S* 1 "2026-11-23" /);
    }
  });

  it('take nothing in a text for an instruction', () => {
    const odd: CliCommand = {
      ...{ name: 'odd', usage: 'odd \\fB', summary: ".so /etc/passwd 'x … ’", run: () => Promise.resolve(0) },
      options: { a: { type: 'string', help: ".SH 'a' \\n(.x -- \\" } },
    };
    const text = shown(manPages([odd], '2026-11-23')[1]?.text ?? '');
    for (const part of ['paddock odd \\fB', ".so /etc/passwd 'x … ’", ".SH 'a' \\n(.x -- \\"])
      expect(text).toContain(part);
  });

  it('are written by the program itself, which is how the build makes them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paddock-man-'));
    try {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const terminal = { stdin: new PassThrough(), stdout, stderr, stderrIsTerminal: false, screen: undefined };
      const context = {
        values: {},
        rest: [],
        json: true,
        env: { SOURCE_DATE_EPOCH: '1795392000' },
        terminal,
        signal: new AbortController().signal,
      };
      const to = join(folder, 'man');
      const manPagesCommand = await commandLoaders['man-pages']?.();
      expect(await manPagesCommand?.run({ ...context, positionals: [to] })).toBe(0);
      expect((await readdir(to)).sort()).toEqual([...pages.keys()].sort());
      expect(await readFile(join(to, 'paddock.1'), 'utf8')).toBe(pages.get('paddock.1'));
      await expect(manPagesCommand?.run({ ...context, positionals: [] })).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
