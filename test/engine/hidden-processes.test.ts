import { afterEach, describe, expect, it } from 'vitest';
import { readProcess } from '../../src/kit/proc/processes.js';
import { processesOf } from '../../src/sandbox/processes.js';
import { channelOrNot, engineKinds } from './support/engines.js';
import { hide } from './support/hide.js';
import { command, run, Stage, said } from './support/stage.js';

let stage: Stage | undefined;
afterEach(() => stage?.[Symbol.asyncDispose]());

const hiddenIn = (namespace: string) =>
  processesOf(namespace).filter((one) => one.namespace === undefined && readProcess(one.pid)?.comm === 'hidden');

describe.each(channelOrNot)(
  'a process that lets nobody look into it, on a real rootless %s, over %s',
  (kind, commandPath) => {
    it('is ended with its command, and counts as being in there', async () => {
      stage = await Stage.open(kind, { commandPath });
      const projectPath = await stage.project();
      await hide(projectPath, '/usr/bin/sleep');
      const session = await stage.create({ projectPath, workspace: 'rw' });
      const { namespace } = session.sandbox.handle;
      const entry = await session.start(command('(setsid ./hidden 1111 &); ./hidden 1112; :'));
      await expect.poll(() => hiddenIn(namespace)).toHaveLength(2);
      await entry.command.end('aborted');
      await entry.settled;
      expect(hiddenIn(namespace)).toEqual([]);
      expect(await said(session, 'echo usable')).toBe('usable');
    });
  },
);

describe.each(engineKinds)('a command over the exec of a real rootless %s', (kind) => {
  it('takes its sandbox with it where it lets nobody look into it from the beginning', async () => {
    stage = await Stage.open(kind, { commandPath: 'exec' });
    const projectPath = await stage.project();
    await hide(projectPath, '/usr/bin/sleep');
    const session = await stage.create({ projectPath, workspace: 'rw' });
    const { namespace } = session.sandbox.handle;
    await expect(run(session, ['./hidden', '1111'], { timeoutMs: 50_000 })).resolves.not.toMatchObject({
      reason: 'timeout',
    });
    expect(processesOf(namespace)).toEqual([]);
  });
});
