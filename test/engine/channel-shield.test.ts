import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { Stage, said } from './support/stage.js';

/** What `reach` says of each way to get at a process. */
type Ways = Readonly<Record<string, string>>;

describe.each(engineKinds)('the channel into a sandbox of a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    // Where a command may do the most: the default filter closes half of the ways altogether.
    stage = await Stage.open(kind, { policy: { seccomp: ['debug'] } });
    const projectPath = await stage.project();
    execFileSync('gcc', ['-O1', '-o', join(projectPath, 'reach'), 'test/engine/support/reach.c']);
    session = await stage.create({ projectPath, seccomp: 'debug' });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  async function reach(whom: string): Promise<Ways> {
    const lines = await said(session, `/workspace/reach ${whom}`);
    return Object.fromEntries(lines.split('\n').map((line) => line.split(' ') as [string, string]));
  }

  it('could be reached by the ways tried here, if process 1 and its supervisors were ordinary processes', async () => {
    const ways = await reach('child');
    expect(Object.keys(ways).length).toBe(7);
    expect(Object.entries(ways).filter(([, answer]) => answer !== 'ok')).toEqual([]);
  });

  it.each([
    ['process 1', '1'],
    ['the supervisor of the very command that tries', '$PPID'],
  ])('cannot be reached through %s by a process of the same user', async (_whom, pid) => {
    const ways = await reach(pid);
    expect(Object.keys(ways).length).toBe(7);
    expect(Object.entries(ways).filter(([, answer]) => !['EACCES', 'EPERM'].includes(answer))).toEqual([]);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('has no name inside by the time a command runs', async () => {
    expect(await said(session, 'ls -A /.paddock/io; find / -xdev -type p 2>/dev/null; echo end')).toBe('end');
  });

  it('leaves no descriptor of its own in a command', async () => {
    expect(await said(session, 'ls /proc/self/fd | sort -n | tr "\\n" " "')).toBe('0 1 2 3 ');
  });

  it('does not end by a signal that a command sends to process 1', async () => {
    await said(session, 'for s in TERM INT HUP QUIT USR1 USR2 ALRM CHLD KILL STOP; do kill -s $s 1; done; echo sent');
    expect(await said(session, 'echo lives')).toBe('lives');
  });
});
