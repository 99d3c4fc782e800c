import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../src/core/exec.js';
import type { TriesOut } from '../../../src/kit/proc/tries-out.js';
import type { CommandOptions } from '../../../src/sandbox/command/command.js';
import { NoWayOut } from '../../../src/session/no-way-out.js';
import { stage } from '../tools/support/stage.js';
import { askNobody, standIn } from './support/no-network.js';

const [failed, succeeded] = [
  { exitCode: 1, reason: 'exited' },
  { exitCode: 0, reason: 'exited' },
] as const;

/** What the kernel has counted each time it is asked. */
function counting(...counts: (TriesOut | undefined)[]): NoWayOut {
  return new NoWayOut(() => counts.shift());
}

describe('a command that fails where there is no network', () => {
  it('is told how often a way out was looked for, and how to have one', () => {
    const note = counting({ unrouted: 2, unanswered: 4 }).noteFor(failed);
    expect(note).toContain('network none');
    expect(note).toContain('addresses: 2, names: 4');
    expect(note).toMatch(/`allow` of create_session, `--allow`/);
  });

  it('is told what came since it was last told', () => {
    const ways = counting(
      { unrouted: 2, unanswered: 4 },
      { unrouted: 2, unanswered: 4 },
      { unrouted: 3, unanswered: 4 },
    );
    expect(ways.noteFor(failed)).toBeDefined();
    expect(ways.noteFor(failed)).toBeUndefined();
    expect(ways.noteFor({ exitCode: 124, reason: 'timeout' })).toContain('addresses: 1, names: 0');
  });

  it('is told so too where it ended well and gets over the failures of what it runs, as an agent does', () => {
    const ways = counting({ unrouted: 0, unanswered: 3 }, { unrouted: 0, unanswered: 3 });
    expect(ways.noteFor(succeeded, true)).toContain('names: 3');
    expect(ways.noteFor(succeeded, true)).toBeUndefined();
  });

  it('is told nothing where nothing was tried, it succeeded, the session is over, or nobody knows', () => {
    expect(counting({ unrouted: 0, unanswered: 0 }).noteFor(failed)).toBeUndefined();
    expect(counting({ unrouted: 1, unanswered: 0 }).noteFor(succeeded)).toBeUndefined();
    expect(counting({ unrouted: 1, unanswered: 0 }).noteFor({ exitCode: 1, reason: 'session-ended' })).toBeUndefined();
    expect(counting(undefined).noteFor(failed)).toBeUndefined();
  });
});

describe('a command that nobody sees', () => {
  const asked: ExecRequest = { argv: ['tool'], timeoutMs: 1000, outputCapBytes: 1000, outputLimitBytes: 1000 };

  it('is told nothing of ways out that were looked for, and leaves it to the next one to be told', async () => {
    const { session, commands } = stage();
    standIn(session);
    const failing = async (options: CommandOptions) => {
      const entry = await session.start(asked, options);
      commands.at(-1)!.finish(1);
      await entry.settled;
      return entry.outcome;
    };
    // What was counted of this process before is told first.
    await failing({});
    await askNobody();
    expect(await failing({ isUnlogged: true })).not.toHaveProperty('result.note');
    expect(await failing({})).toHaveProperty('result.note', expect.stringMatching(/network none.*names: [1-9]/));
  });
});
