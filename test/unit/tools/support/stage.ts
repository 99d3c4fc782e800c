import { onTestFinished } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { ExecRequest, ExecResult } from '../../../../src/core/exec.js';
import type { SitePolicy } from '../../../../src/core/site-policy.js';
import { CapturedStream } from '../../../../src/kit/captured-stream.js';
import type { Clock } from '../../../../src/kit/clock.js';
import { deferred } from '../../../../src/kit/deferred.js';
import type { Sandbox } from '../../../../src/sandbox/sandbox.js';
import { Idleness } from '../../../../src/session/idleness.js';
import { type SessionRecord, specOf } from '../../../../src/session/record.js';
import { Session } from '../../../../src/session/session.js';
import { SessionLog } from '../../../../src/session/session-log.js';
import type { ToolContext } from '../../../../src/tools/define-tool.js';
import type { ToolServices } from '../../../../src/tools/services.js';
import { InMemoryAudit } from '../../session/support/audit.js';
import { record } from '../../session/support/records.js';

/** Time that stands still until it is moved. Sleepers wake in order. */
export class HeldClock implements Clock {
  nowMs = 1_000_000;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = deferred<undefined>();
    this.#sleepers.push({ atMs: this.nowMs + ms, wake: () => resolve(undefined) });
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    await promise;
    signal?.removeEventListener('abort', onAbort);
  }

  /** Moves time on in steps, so that whoever wakes can go back to sleep. */
  async pass(ms: number, stepMs = 250): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await new Promise((resolve) => setImmediate(resolve));
      this.nowMs += Math.min(stepMs, left);
      for (const sleeper of this.#sleepers.filter((one) => one.atMs <= this.nowMs)) sleeper.wake();
      this.#sleepers = this.#sleepers.filter((one) => one.atMs > this.nowMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A command that prints and ends when the test says so. */
class StagedCommand {
  readonly output: { readonly stdout: CapturedStream; readonly stderr: CapturedStream };
  readonly startedAtMs: number;
  readonly id: string;
  readonly request: ExecRequest;
  readonly #result = deferred<ExecResult>();
  readonly result = this.#result.promise;

  constructor(id: string, request: ExecRequest, startedAtMs: number) {
    this.id = id;
    this.request = request;
    const { outputCapBytes = 256 * 1024 } = request as Partial<ExecRequest>;
    this.output = { stdout: new CapturedStream(outputCapBytes), stderr: new CapturedStream(outputCapBytes) };
    this.startedAtMs = startedAtMs;
  }

  finish(exitCode: number, reason: ExecResult['reason'] = 'exited'): void {
    const stream = (from: CapturedStream) => ({
      text: from.text(),
      totalBytes: from.totalBytes,
      droppedBytes: from.droppedBytes,
    });
    const usage = { durationMs: 5 };
    this.#result.resolve({
      exitCode,
      reason,
      stdout: stream(this.output.stdout),
      stderr: stream(this.output.stderr),
      usage,
      strays: 0,
    });
  }

  end(reason: ExecResult['reason']): Promise<void> {
    this.finish(130, reason);
    return Promise.resolve();
  }
}

class CountedDenials {
  count = 0;

  add(): void {
    this.count += 1;
  }
}

/** A session whose sandbox is this test: tools, session and streams are the real ones. Called in a test, it ends with it. */
export function stage(changes: Partial<SessionRecord> = {}) {
  const clock = new HeldClock();
  const one = record(changes);
  const commands: StagedCommand[] = [];
  const sandbox = {
    alive: true,
    commandPath: 'fifo',
    handle: { spec: specOf(one), evidence: { controls: [], readAtMs: 0 } },
    usageByEngine: () => Promise.resolve(undefined),
    start: (id: string, request: ExecRequest) => {
      const command = new StagedCommand(id, request, clock.now());
      commands.push(command);
      return Promise.resolve(command);
    },
  };
  const log = new SessionLog('/dev/null');
  onTestFinished(() => log[Symbol.asyncDispose]());
  const audit = new InMemoryAudit();
  const idleness = new Idleness({ timeoutMs: one.spec.idleTimeoutMs, clock });
  const parts = { record: one, log, audit, clock, idleness, notes: [] };
  const session = new Session({ ...parts, sandbox: sandbox as unknown as Sandbox });
  const sitePolicy: SitePolicy = builtInPolicy('/home/ann');
  const sessions = { get: () => session, list: [session] };
  const denials = new CountedDenials();
  const monitoring = { stateOf: () => ({ alarms: [] }), denials };
  const services = { sessions, monitoring, sitePolicy, clock } as unknown as ToolServices;
  const context: ToolContext = { signal: new AbortController().signal, progress: () => undefined };
  return { clock, session, sandbox, commands, services, context, denials };
}
