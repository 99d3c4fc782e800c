import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareLayers } from '../../../src/workspace/changes/compare-layers.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, gone, laterClock, link, type Tree, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };

describe('two sessions over one project', () => {
  let [a, b]: Trees[] = [];
  beforeEach(() => {
    [a, b] = [new Trees(programs), new Trees(programs)];
  });
  afterEach(() => {
    a?.[Symbol.dispose]();
    b?.[Symbol.dispose]();
  });

  /** Paths that one or both have changed; `=` before those at which they show the same. */
  async function compared(): Promise<readonly string[]> {
    const options = { program: programs.init, signal: AbortSignal.timeout(60_000), clock: laterClock };
    const project = a!.layer.project;
    const { differences, isComplete } = await compareLayers(a!.layer, { ...b!.layer, project }, options);
    expect(isComplete).toBe(true);
    return differences.map(({ path, isSame }) => `${isSame ? '=' : '!'} ${path}`);
  }

  it('are the same where both made the same of it, by kind, mode, content and target', async () => {
    const both: Record<string, Tree> = { text: file('same'), link: link('text'), gone, sub: folder({ x: file('1') }) };
    a!.put('project', { gone: file('g') });
    a!.put('upper', {
      ...both,
      mode: file('m', 0o644),
      size: file('12'),
      other: file('ab'),
      lead: link('a'),
      one: file(''),
    });
    b!.put('upper', {
      ...both,
      mode: file('m', 0o755),
      size: file('1'),
      other: file('ba'),
      lead: link('b'),
      two: file(''),
    });
    expect(await compared()).toEqual([
      ...['= gone', '! lead', '= link', '! mode', '! one', '! other', '! size', '= sub', '= sub/x', '= text', '! two'],
    ]);
  });

  it('have the same FIFO and the same socket where they have the same permissions, and not each for the other', async () => {
    for (const { layer } of [a!, b!]) execFileSync('mkfifo', ['-m', '600', join(layer.upper, 'pipe')]);
    for (const { layer } of [a!, b!]) execFileSync('mkfifo', [join(layer.upper, 'open')]);
    chmodSync(join(b!.layer.upper, 'open'), 0o666);
    const servers = await Promise.all([
      listening(join(a!.layer.upper, 'sock')),
      listening(join(b!.layer.upper, 'sock')),
    ]);
    execFileSync('mkfifo', ['-m', '755', join(a!.layer.upper, 'turned')]);
    servers.push(await listening(join(b!.layer.upper, 'turned')));
    chmodSync(join(b!.layer.upper, 'turned'), 0o755);
    try {
      expect(await compared()).toEqual(['! open', '= pipe', '= sock', '! turned']);
    } finally {
      for (const server of servers) server.close();
    }
  });
});

async function listening(path: string) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}
