import { describe, expect, it } from 'vitest';
import { agents } from '../../../src/agents/all.js';
import { ReadingPace } from '../../../src/agents/reading-pace.js';
import { agentIds } from '../../../src/agents/types.js';
import { exitReasons } from '../../../src/core/exec.js';
import { hear } from './support/run.js';

describe.each(agentIds)('a run of %s', (id) => {
  it('that printed nothing, or garbage, or no UTF-8, has a result that says so', () => {
    expect(hear(id, []).result).toMatchObject({ ok: false, stopReason: 'no-result', turns: 0, finalText: '' });
    const garbage = hear(id, ['%PDF\n{"type":7}\n{"type":"result"}\n\ud800\n'], {
      exitCode: 3,
      stderrTail: 'no such model',
    });
    expect(garbage.result).toMatchObject({ ok: false, stopReason: 'agent-error' });
    expect(garbage.result.error?.message).toMatch(/exit code 3.*2 lines of its output were no JSON.*no such model/);
  });

  it('that was killed says by what', () => {
    expect(hear(id, [], { exitCode: 137, signal: 'SIGKILL' }).result.error?.message).toContain('SIGKILL');
    for (const reason of exitReasons.filter((one) => one !== 'exited')) {
      expect(hear(id, [], { exitCode: 124, reason }).result).toMatchObject({ ok: false, stopReason: reason });
    }
  });

  it('holds little of what floods it', () => {
    const parser = agents[id].newParser();
    const piece = Buffer.alloc(1 << 20, 'x');
    for (let i = 0; i < 64; i += 1) expect(parser.push(piece)).toEqual([]);
    const result = parser.end({ exitCode: 0, reason: 'output-limit', durationMs: 1, stderrTail: '' });
    expect(result).toMatchObject({ ok: false, stopReason: 'output-limit' });
  });

  it('reads no more of what floods it than others can spare, and says so', () => {
    let nowMs = 0;
    const parser = agents[id].newParser({ pace: new ReadingPace(() => nowMs) });
    const piece = Buffer.from('{"type":"none"}\nno json\n'.repeat(5000));
    const reads = () => {
      for (let i = 0; i < 100; i += 1) parser.push(piece);
    };
    reads();
    nowMs += 1000;
    reads();
    const { error } = parser.end({ exitCode: 0, reason: 'exited', durationMs: 1, stderrTail: '' });
    const [bad, skipped] = [/(\d+) lines of its output were no JSON/, /(\d+) bytes of it came too fast/].map((form) =>
      Number(form.exec(error?.message ?? '')?.[1]),
    );
    // Half of twenty thousand at once, and of two thousand in a second.
    expect(bad).toBeGreaterThan(10_500);
    expect(bad).toBeLessThanOrEqual(11_000);
    expect(skipped).toBeGreaterThan(100 * piece.length);
  });
});
