import { describe, expect, it } from 'vitest';
import { newSessionId } from '../../../src/kit/random-id.js';
import { KeyMeter } from '../../../src/session/key-meter.js';
import type { SessionCommand } from '../../../src/session/session-command.js';

type Metered = Parameters<KeyMeter['read']>[0][number];

/** Only what is looked at. */
function ended(userCpuMs: number, systemCpuMs: number): SessionCommand {
  const command: unknown = { outcome: { result: { usage: { userCpuMs, systemCpuMs } } } };
  return command as SessionCommand;
}

const working: unknown = {};

describe('what the sessions of a key use', () => {
  it('is counted once, by the larger of what the kernel and the ended commands say', () => {
    const commands = [ended(100, 50), working as SessionCommand];
    const usage = { bytesIn: 10, bytesOut: 5 };
    const broker = { usage: () => ({ lines: [{ bytes: brokered }] }) };
    let brokered = 0;
    const session: unknown = { id: newSessionId(), commands, egress: { usage }, broker };
    let cpuUs: number | undefined = 120_000;
    const meter = new KeyMeter(() => cpuUs);
    const read = () => meter.read([session as Metered]);
    expect(read()).toEqual({ cpuMs: 150, egressBytes: 15 });
    expect(read()).toEqual({ cpuMs: 0, egressBytes: 0 });
    cpuUs = 200_000;
    usage.bytesOut = 7;
    expect(read()).toEqual({ cpuMs: 50, egressBytes: 2 });
    cpuUs = undefined;
    commands.push(ended(100, 0));
    brokered = 1000;
    expect(read()).toEqual({ cpuMs: 50, egressBytes: 1000 });
  });

  it('is counted also of one that came and went between two readings, and what it did last', () => {
    const commands = [ended(100, 0)];
    const egress = { usage: { bytesIn: 1000, bytesOut: 0 } };
    const gone: unknown = { id: newSessionId(), commands, egress };
    const meter = new KeyMeter(() => undefined);
    meter.note([gone as Metered]);
    egress.usage.bytesOut = 500;
    expect(meter.read([])).toEqual({ cpuMs: 100, egressBytes: 1500 });
    commands.push(ended(50, 0));
    expect(meter.read([])).toEqual({ cpuMs: 50, egressBytes: 0 });
    // And is let go then.
    commands.push(ended(50, 0));
    expect(meter.read([])).toEqual({ cpuMs: 0, egressBytes: 0 });
  });

  it('is that of all of them', () => {
    const of = (ms: number): unknown => ({ id: newSessionId(), commands: [ended(ms, 0)] });
    const meter = new KeyMeter(() => undefined);
    expect(meter.read([of(1) as Metered, of(2) as Metered])).toEqual({ cpuMs: 3, egressBytes: 0 });
  });

  it('is all counted by the next look when one could not be finished', () => {
    let isShort = true;
    const meter = new KeyMeter(() => {
      if (isShort) throw new Error('EMFILE');
      return undefined;
    });
    const session: unknown = { id: newSessionId(), commands: [ended(100, 0)] };
    expect(() => meter.note([session as Metered])).toThrow('EMFILE');
    isShort = false;
    expect(meter.read([])).toEqual({ cpuMs: 100, egressBytes: 0 });
  });
});
