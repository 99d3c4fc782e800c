import { describe, expect, it } from 'vitest';
import { heardAudit } from '../../../src/audit/heard-audit.js';
import { plain } from '../../../src/audit/redaction.js';
import { EngineError } from '../../../src/core/errors.js';
import { heardEngine } from '../../../src/engine/heard-engine.js';
import type { Engine } from '../../../src/engine/types.js';
import { type CountedSession, Metrics } from '../../../src/metrics/metrics.js';
import type { Sample } from '../../../src/monitor/monitor.js';
import { readPrometheusText } from '../../support/prometheus-text.js';
import { InMemoryAudit } from '../session/support/audit.js';
import { HeldClock } from '../tools/support/stage.js';

function staged(labels: Readonly<Record<string, string>> = {}) {
  const clock = new HeldClock();
  const metrics = new Metrics({ version: '1.2.3', clock, freeBytes: () => Promise.resolve(7e9), labels });
  const log = new InMemoryAudit();
  const bare = { path: '/x', [Symbol.asyncDispose]: () => Promise.resolve() };
  const audit = heardAudit(
    Object.assign(bare, {
      intent: log.intent.bind(log),
      event: log.event.bind(log),
      forCaller: () => log,
    }),
    metrics.heardApp.onRecord,
  );
  const read = async () => readPrometheusText(await metrics.text());
  const value = async (name: string) => (await read()).get(name);
  return { clock, metrics, log, audit, read, value };
}

function session(id: string, more: Partial<CountedSession> = {}): CountedSession {
  return { id, isAlive: true, commands: 0, diskBytes: 0, egress: undefined, models: [], ...more };
}

const sample = (more: Partial<Sample>): Sample => ({
  sources: { cpu: 'cgroup', memory: 'cgroup', pids: 'cgroup' },
  atMs: 0,
  ...more,
});

describe('metrics', () => {
  it('are in the text format, begin at zero, and leave out what is not known yet', async () => {
    const { read } = staged();
    const samples = await read();
    expect(samples.get('paddock_build_info{version="1.2.3"}')).toBe(1);
    expect(samples.get('paddock_denials_total{way="connection"}')).toBe(0);
    expect(samples.get('paddock_alarms_total{kind="oom",level="critical"}')).toBe(0);
    expect(samples.get('paddock_state_free_bytes')).toBe(7e9);
    expect(samples.get('paddock_sessions')).toBe(0);
    expect([...samples.keys()].filter((name) => /^paddock_canary_(?!runs_total)/.test(name))).toEqual([]);
  });

  it('count sessions that were made and how they ended, an idle one once', async () => {
    const { audit, clock, read } = staged();
    const make = async (id: string, result: 'ok' | 'POLICY_DENIED' = 'ok') => {
      const intent = await audit.intent('session.create', { session: id });
      clock.nowMs += 400;
      await intent.outcome(result);
    };
    const end = async (id: string, because: string, action = 'session.destroy') => {
      const intent = await audit.intent(action, { session: id, details: { because: plain(because) } });
      await intent.outcome('ok');
    };
    await make('a');
    await make('b', 'POLICY_DENIED');
    await make('c');
    clock.nowMs += 60_000;
    await end('a', 'asked');
    await end('c', '', 'session.expire');
    await end('c', 'idle');
    const samples = await read();
    expect(samples.get('paddock_sessions_created_total{result="ok"}')).toBe(2);
    expect(samples.get('paddock_sessions_created_total{result="POLICY_DENIED"}')).toBe(1);
    expect(samples.get('paddock_sessions_ended_total{reason="asked"}')).toBe(1);
    expect(samples.get('paddock_sessions_ended_total{reason="idle"}')).toBe(1);
    expect(samples.get('paddock_session_start_seconds_bucket{le="0.5"}')).toBe(2);
    expect(samples.get('paddock_session_life_seconds_count')).toBe(2);
  });

  it('count commands by how they ended, and for how long they ran', async () => {
    const { audit, read } = staged();
    const run = async (result: 'ok' | 'COMMAND_NOT_RUN', reason?: string, durationMs?: number) => {
      const intent = await audit.intent('command.run', { session: 'a' });
      await intent.outcome(result, { details: { reason: reason && plain(reason), durationMs } });
    };
    await run('ok', 'exited', 700);
    await run('ok', 'timeout', 31_000);
    await run('COMMAND_NOT_RUN');
    const samples = await read();
    const reasons = ['exited', 'timeout', 'failed', 'oom'];
    expect(reasons.map((reason) => samples.get(`paddock_commands_total{reason="${reason}"}`))).toEqual([1, 1, 1, 0]);
    expect(samples.get('paddock_command_duration_seconds_sum')).toBe(31.7);
    expect(samples.get('paddock_command_duration_seconds_bucket{le="1"}')).toBe(1);
  });

  it('count what is written to the audit log, what could not be, and pass its failures on', async () => {
    const { audit, log, metrics, read } = staged();
    await audit.event('tool.refused', { verdict: 'deny', result: 'NO_SUCH_SESSION' });
    metrics.heardApp.onForward({ lost: 3 });
    log.isFull = true;
    await expect(audit.intent('command.run')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    const samples = await read();
    expect(samples.get('paddock_audit_records_total{phase="event"}')).toBe(1);
    expect(samples.get('paddock_audit_failures_total')).toBe(1);
    expect(samples.get('paddock_audit_writable')).toBe(0);
    expect(samples.get('paddock_audit_not_forwarded_total')).toBe(3);
    expect(samples.get('paddock_refused_calls_total{code="NO_SUCH_SESSION"}')).toBe(1);
  });

  it('count what leaves a session while it is open and at its end, each byte and token once', async () => {
    const { audit, metrics, read } = staged();
    const tokens = { input: 10, output: 5 };
    const use = { provider: 'anthropic', name: 'anthropic m k', requests: 1, unpriced: 0, microUsd: 250_000, tokens };
    let open = [session('a', { egress: { open: 1, total: 2, bytesIn: 100, bytesOut: 10 }, models: [use] })];
    metrics.look(() => open);
    expect((await read()).get('paddock_egress_connections')).toBe(1);
    await read();
    const sums = { connections: 3, bytesIn: 150, bytesOut: 10 };
    await audit.event('egress.end', { session: 'a', details: sums });
    const [route, model, key] = [plain('anthropic'), plain('m'), plain('k')];
    const more = { requests: 2, unpriced: 1, microUsd: 300_000, tokens: { input: 12, output: 5 } };
    await audit.event('broker.end', { session: 'a', details: { route, model, key, ...more } });
    open = [];
    const samples = await read();
    expect(samples.get('paddock_egress_connections_total')).toBe(3);
    expect(samples.get('paddock_egress_bytes_total{direction="in"}')).toBe(150);
    expect(samples.get('paddock_egress_bytes_total{direction="out"}')).toBe(10);
    expect(samples.get('paddock_broker_requests_total{provider="anthropic"}')).toBe(2);
    expect(samples.get('paddock_broker_tokens_total{kind="input",provider="anthropic"}')).toBe(12);
    expect(samples.get('paddock_broker_cost_dollars_total{provider="anthropic"}')).toBeCloseTo(0.3);
    expect(samples.get('paddock_broker_unpriced_requests_total{provider="anthropic"}')).toBe(1);
    expect(samples.get('paddock_egress_connections')).toBe(0);
  });

  it('count by samples what the kernel did to sessions, and add up what open ones use', async () => {
    const { metrics, read } = staged();
    metrics.look(() => [session('a', { commands: 2, diskBytes: 5 }), session('b'), session('c', { isAlive: false })]);
    const one = { memoryBytes: 100, pids: 3, cpuUs: 2e6, oomKills: 1, pidsRefused: 4, throttledUs: 5e5 };
    metrics.heard.onSample?.('a', sample(one));
    metrics.heard.onSample?.('a', sample({ ...one, cpuUs: 3e6, oomKills: 3 }));
    metrics.heard.onSample?.('b', sample({ memoryBytes: 50, pids: 1, cpuUs: 1e6 }));
    metrics.heard.onSample?.('c', sample({ memoryBytes: 1000, pids: 1 }));
    const samples = await read();
    expect(samples.get('paddock_oom_kills_total')).toBe(3);
    expect(samples.get('paddock_forks_refused_total')).toBe(4);
    expect(samples.get('paddock_cpu_throttled_seconds_total')).toBe(0.5);
    expect(samples.get('paddock_sessions_cpu_seconds_total')).toBe(4);
    expect(samples.get('paddock_sessions_memory_bytes')).toBe(150);
    expect(samples.get('paddock_sessions_pids')).toBe(4);
    expect(samples.get('paddock_sessions')).toBe(2);
    expect(samples.get('paddock_commands_running')).toBe(2);
    expect(samples.get('paddock_sessions_disk_bytes')).toBe(5);
  });

  it('take no jump for work, where processor time is known another way from now on', async () => {
    const { metrics, value } = staged();
    metrics.heard.onSample?.('a', sample({ cpuUs: 1e6 }));
    metrics.heard.onSample?.('a', sample({ cpuUs: 9e6, sources: { cpu: 'processes' } }));
    expect(await value('paddock_sessions_cpu_seconds_total')).toBe(1);
  });

  it('count refusals by way and by rule, and no more rules than Paddock could have', async () => {
    const { metrics, read } = staged();
    for (let i = 0; i < 300; i += 1) metrics.heard.onDenied?.('call', `made.up-${i}`);
    metrics.heard.onUnknownSession?.();
    const samples = await read();
    expect(samples.get('paddock_denials_total{way="call"}')).toBe(300);
    expect(samples.get('paddock_rule_denials_total{rule="other"}')).toBe(44);
    expect([...samples.keys()].filter((name) => name.startsWith('paddock_rule_denials_total')).length).toBe(257);
    expect(samples.get('paddock_unknown_sessions_total')).toBe(1);
  });

  it('show how the last canary ended, once there was one', async () => {
    const { metrics, value } = staged();
    metrics.heard.onCanary?.('failed');
    expect(await value('paddock_canary_ok')).toBe(0);
    metrics.heard.onCanary?.('ok');
    metrics.heard.onCanary?.('unknown');
    expect([await value('paddock_canary_ok'), await value('paddock_canary_run_timestamp_seconds')]).toEqual([1, 1000]);
    const runs = ['ok', 'failed', 'unknown'].map((result) => value(`paddock_canary_runs_total{result="${result}"}`));
    expect(await Promise.all(runs)).toEqual([1, 1, 1]);
  });

  it('say how often a canary is due only where some come by themselves', async () => {
    const { metrics, value } = staged();
    metrics.heard.onCanary?.('ok');
    expect(await value('paddock_canary_interval_seconds')).toBeUndefined();
    metrics.expectCanaries(900_000);
    expect(await value('paddock_canary_interval_seconds')).toBe(900);
  });

  it('name no session, whatever is counted', async () => {
    const { metrics, audit } = staged();
    const id = 'pdk_e4s646zbuo3ahcpmdyahoiuk4h';
    const intent = await audit.intent('session.create', { session: id });
    await intent.outcome('ok');
    metrics.look(() => [session(id, { egress: { open: 0, total: 1, bytesIn: 1, bytesOut: 1 } })]);
    metrics.heard.onSample?.(id, sample({ memoryBytes: 1 }));
    metrics.heard.onAlarm?.({ session: id, kind: 'oom', level: 'critical', atMs: 0, text: id, values: {} });
    expect(await metrics.text()).not.toContain(id);
  });

  it('carry the labels of their process on every sample', async () => {
    const { read } = staged({ process: '42' });
    const names = [...(await read()).keys()];
    expect(names.filter((name) => !name.includes('process="42"'))).toEqual([]);
  });
});

describe('requests to an engine', () => {
  class Fake {
    readonly #secret = 'kept';
    readonly identity = { kind: 'podman' };
    ping(): Promise<string> {
      return Promise.resolve(this.#secret);
    }
    startContainer(): Promise<void> {
      return Promise.reject(new EngineError('ENGINE_TIMEOUT', 'slow'));
    }
    plainly(): string {
      return this.#secret;
    }
  }

  it('are counted by what they were for and how they ended, and answer as they did', async () => {
    const { metrics, read } = staged();
    const engine = heardEngine(new Fake() as unknown as Engine, metrics.heardApp.onCall) as unknown as Fake;
    expect([engine.identity.kind, engine.plainly(), await engine.ping()]).toEqual(['podman', 'kept', 'kept']);
    await expect(engine.startContainer()).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
    const samples = await read();
    expect(samples.get('paddock_engine_requests_total{operation="ping",result="ok"}')).toBe(1);
    expect(samples.get('paddock_engine_requests_total{operation="startContainer",result="ENGINE_TIMEOUT"}')).toBe(1);
    expect(samples.get('paddock_engine_request_duration_seconds_count{operation="ping"}')).toBe(1);
    expect([...samples.keys()].some((name) => name.includes('plainly'))).toBe(false);
  });
});
