import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { network } from '../../../src/cli/commands/network.js';

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'paddock-suggest-'));
});
afterEach(() => rm(project, { recursive: true }));

async function suggest(positionals: readonly string[], folder = project, json = false): Promise<string> {
  const stdout = new PassThrough();
  const terminal = { stdin: new PassThrough(), stdout, stderr: new PassThrough() };
  await network.run({
    ...{ values: { project: folder }, positionals, rest: [], json, signal: new AbortController().signal },
    env: { HOME: project, XDG_CONFIG_HOME: join(project, 'config') },
    terminal: { ...terminal, stderrIsTerminal: false, screen: undefined },
  });
  return String(stdout.read() ?? '');
}

describe('paddock network suggest', () => {
  it('prints what lock files name, and that it is allowed by nobody', async () => {
    await writeFile(join(project, 'uv.lock'), 'source = { registry = "https://index.example/simple" }\n');
    expect(await suggest(['suggest'])).toMatch(
      /^ALLOW.*\npreset:pip +no +uv\.lock\nhttps:\/\/index\.example +no +uv\.lock\nNothing of this is allowed/,
    );
    expect(JSON.parse(await suggest(['suggest'], project, true))).toEqual({
      project,
      suggestions: [
        { allow: 'preset:pip', files: ['uv.lock'], isInPolicy: false },
        { allow: 'https://index.example', files: ['uv.lock'], isInPolicy: false },
      ],
      isComplete: true,
    });
  });

  it('says so where there is nothing, and refuses what is no folder', async () => {
    expect(await suggest(['suggest'])).toMatch(/name nothing/);
    await expect(suggest(['suggest'], join(project, 'missing'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(suggest(['open'])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
