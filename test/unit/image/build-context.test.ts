import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentIds } from '../../../src/agents/types.js';
import { agentPackage, packageFileName } from '../../../src/image/agent-packages.js';
import { buildContext, type PackageFile, serverContext, stageOf } from '../../../src/image/build-context.js';
import { packageOf } from '../../support/agent-package.js';

describe('the context of a build', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function file(
    files: Readonly<Record<string, string | Partial<Header>>>,
    program = 'bin/claude',
  ): Promise<PackageFile> {
    const { package: made, bytes } = await packageOf('claude', files, program);
    const path = join(folder, packageFileName(made));
    await writeFile(path, bytes);
    return { package: made, path };
  }

  it('of the server holds what is installed, and follows no link out of that', async () => {
    for (const name of ['dist/cli', 'profiles', 'other']) await mkdir(join(folder, name), { recursive: true });
    for (const name of ['dist/cli/main.js', 'Containerfile', 'package.json', 'LICENSE', 'other/x']) {
      await writeFile(join(folder, name), name);
    }
    await symlink('/etc/passwd', join(folder, 'profiles/link'));
    const names = (await entriesOf(serverContext('FROM x\n', folder))).map(({ name }) => name);
    expect(names).toEqual([
      'Containerfile',
      ...['paddock/dist', 'paddock/dist/cli', 'paddock/dist/cli/main.js', 'paddock/profiles'],
      ...['paddock/Containerfile', 'paddock/package.json', 'paddock/LICENSE'],
    ]);
  });

  it('of the server breaks off where the installation lacks a file, and names it', async () => {
    for (const name of ['dist', 'profiles']) await mkdir(join(folder, name));
    const context = serverContext('FROM x\n', folder);
    const message: unknown = expect.stringContaining(join(folder, 'Containerfile'));
    const hint: unknown = expect.stringContaining('Install Paddock anew');
    await expect(entriesOf(context)).rejects.toMatchObject({ code: 'IMAGE_BUILD_FAILED', message, hint });
  });

  it('has one stage of the shipped container file', async () => {
    const shipped = await readFile('Containerfile', 'utf8');
    for (const [name, other] of [
      ['sandbox', 'COPY paddock/'],
      ['server', 'COPY agents/'],
    ] as const) {
      const stage = stageOf(shipped, name) ?? '';
      expect(stage.match(/^(FROM|ARG) .*$/gm)).toEqual(['ARG BASE', `FROM $\{BASE} AS ${name}`]);
      expect(stage.match(/^COPY .*$/gm)?.join()).not.toContain(other);
    }
    expect(stageOf(shipped, 'none')).toBeUndefined();
  });

  it('holds the container file, what packages hold, and a link to each program, all of it root’s', async () => {
    const big = 'x'.repeat(300_000);
    const one = await file({
      'package/bin/claude': big,
      'package/LICENSE': 'free',
      'package/lib': { type: 'directory' },
    });
    const found = await entriesOf(buildContext('FROM x\n', [one]));
    expect(found.map(({ name, type, mode, uid, gid }) => [name, type, mode.toString(8), uid, gid])).toEqual([
      ['Containerfile', 'file', '644', 0, 0],
      ['agents', 'directory', '755', 0, 0],
      ['agents/bin', 'directory', '755', 0, 0],
      ['agents/claude/bin/claude', 'file', '755', 0, 0],
      ['agents/claude/LICENSE', 'file', '644', 0, 0],
      ['agents/bin/claude', 'symlink', '777', 0, 0],
    ]);
    expect(found.map(({ text }) => text)).toEqual(['FROM x\n', '', '', big, 'free', '']);
    expect(found.at(-1)?.linkname).toBe('../claude/bin/claude');
  });

  it.each([
    ['a link', { 'package/bin/claude': 'x', 'package/l': { type: 'symlink', linkname: '/etc/passwd' } }],
    ['a hard link', { 'package/bin/claude': 'x', 'package/l': { type: 'link', linkname: 'package/bin/claude' } }],
    ['a device', { 'package/bin/claude': 'x', 'package/d': { type: 'character-device' } }],
    ['a path that leads out', { 'package/../../Containerfile': 'x', 'package/bin/claude': 'x' }],
    ['an absolute path', { '/etc/x': 'x', 'package/bin/claude': 'x' }],
    ['a file without a folder', { Containerfile: 'x', 'package/bin/claude': 'x' }],
    ['no program', { 'package/README': 'x' }],
  ] as const)('breaks off where a package has %s', async (_what, files) => {
    const context = buildContext('FROM x\n', [await file(files)]);
    await expect(entriesOf(context)).rejects.toMatchObject({ code: 'AGENT_NOT_FETCHED' });
  });

  it('breaks off where a package ends early, and opens nothing more once nobody reads', async () => {
    const one = await file({ 'package/bin/claude': 'x'.repeat(100_000) });
    const { bytes } = await packageOf('claude', { 'package/bin/claude': 'y'.repeat(100_000) }, 'bin/claude');
    await writeFile(one.path, bytes.subarray(0, 60));
    await expect(entriesOf(buildContext('', [one]))).rejects.toThrow();
    const unread = buildContext('', [await file({ 'package/bin/claude': 'x'.repeat(5_000_000) })]);
    unread.destroy();
    await expect(entriesOf(unread)).rejects.toThrow();
  });
});

describe('every pinned package', () => {
  it.each(agentIds)('of %s has an exact version, a whole sha512 and a program, for x64', (agent) => {
    const pinned = agentPackage(agent, 'x64');
    expect(pinned).toMatchObject({ agent, version: expect.stringMatching(/^\d+\.\d+\.\d+(-linux-x64)?$/) as unknown });
    expect(Buffer.from(pinned?.integrity.replace(/^sha512-/, '') ?? '', 'base64')).toHaveLength(64);
    expect(pinned?.program).toMatch(/^\w[\w./-]+$/);
    expect(agentPackage(agent, 'riscv64')).toBeUndefined();
  });

  it('is called as npm calls its file', () => {
    const claude = agentPackage('claude', 'x64');
    expect(claude && packageFileName(claude)).toBe(`anthropic-ai-claude-code-linux-x64-${claude?.version}.tgz`);
  });
});

async function entriesOf(tar: Readable): Promise<readonly (Header & { readonly text: string })[]> {
  const entries = extract();
  tar.on('error', (error) => entries.destroy(error));
  tar.on('close', () => {
    if (!tar.readableEnded) entries.destroy(new Error('it ended early'));
  });
  tar.pipe(entries);
  const found: (Header & { text: string })[] = [];
  for await (const entry of entries) {
    let text = '';
    for await (const chunk of entry) text += (chunk as Buffer).toString();
    found.push({ ...entry.header, text });
  }
  return found;
}
