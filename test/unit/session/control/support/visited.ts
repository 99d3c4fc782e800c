import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { AuditLog } from '../../../../../src/audit/audit-log.js';
import { heardAudit } from '../../../../../src/audit/heard-audit.js';
import { builtInPolicy } from '../../../../../src/config/built-in-policy.js';
import type { ExecRequest, ExecResult, ExitReason } from '../../../../../src/core/exec.js';
import type { CommandId } from '../../../../../src/core/ids.js';
import { systemClock } from '../../../../../src/kit/clock.js';
import { deferred } from '../../../../../src/kit/deferred.js';
import { Disposables } from '../../../../../src/kit/disposables.js';
import { newCommandId, newSessionId } from '../../../../../src/kit/random-id.js';
import type { Command, CommandOptions, TerminalSize } from '../../../../../src/sandbox/command/command.js';
import { claim } from '../../../../../src/session/control/claim.js';
import type { ControlOptions, VisitedSession } from '../../../../../src/session/control/control-options.js';
import { serveControl } from '../../../../../src/session/control/server.js';
import { specOf } from '../../../../../src/session/record.js';
import type { SessionCommand } from '../../../../../src/session/session-command.js';
import type { UpdateReport } from '../../../../../src/session/update-report.js';
import type { Tracer } from '../../../../../src/tracing/tracer.js';
import { InMemoryAudit } from '../../support/audit.js';
import { record } from '../../support/records.js';

/** What a command inside does, as a function of ours. It ends when that resolves, or when it is told to. */
export type Program = (io: ProgramIo) => Promise<number>;

export interface ProgramIo {
  readonly argv: readonly string[];
  readonly stdin: Readable | undefined;
  readonly sizes: TerminalSize[];
  readonly print: (stream: 'stdout' | 'stderr', bytes: Buffer) => Promise<void>;
  /** Resolves when the command is to end. */
  readonly ended: Promise<ExitReason>;
}

/** A session without a sandbox: its commands are functions of the test. */
export class FakeSession implements VisitedSession {
  readonly id = newSessionId();
  readonly commands: SessionCommand[] = [];
  /** What its engine says that it uses. */
  byEngine: Awaited<ReturnType<VisitedSession['sandbox']['usageByEngine']>>;
  readonly sandbox = {
    ...{ alive: true, handle: { spec: specOf(record()) } },
    usageByEngine: () => Promise.resolve(this.byEngine),
  };
  readonly isOpen = true;
  readonly closing = new AbortController();
  egress: VisitedSession['egress'];
  /** What an update does; a test may put another in its place. */
  update: (request: unknown) => Promise<UpdateReport> = () => Promise.reject(new Error('no update here'));
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  get ending(): AbortSignal {
    return this.closing.signal;
  }

  start(request: ExecRequest, options: CommandOptions = {}): Promise<SessionCommand> {
    const end = deferred<ExitReason>();
    const sizes: TerminalSize[] = options.terminal === undefined ? [] : [options.terminal];
    const io: ProgramIo = {
      argv: request.argv,
      stdin: options.stdin,
      sizes,
      print: async (stream, bytes) => options.onOutput?.(stream, bytes),
      ended: end.promise,
    };
    const stop = () => end.resolve('aborted');
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted === true) stop();
    const byItself = this.#program(io).then((exitCode) => ({ exitCode, reason: 'exited' as const }));
    const told = end.promise.then((reason) => ({ exitCode: 130, reason }));
    const result = Promise.race([byItself, told]).then(({ exitCode, reason }) => resultOf(exitCode, reason));
    const id = newCommandId();
    const command = commandOf(id, request, sizes, result, (reason) => end.resolve(reason));
    const entry: SessionCommand = {
      ...{ id, argv: request.argv, startedAtMs: 1, command },
      settled: result.then((ended) => {
        entry.outcome = { result: ended };
      }),
    };
    this.commands.push(entry);
    return Promise.resolve(entry);
  }
}

function commandOf(
  id: CommandId,
  request: ExecRequest,
  sizes: TerminalSize[],
  result: Promise<ExecResult>,
  end: (reason: ExitReason) => void,
): Command {
  return {
    ...{ id, request, startedAtMs: 1, result },
    output: undefined as never,
    end: (reason) => {
      end(reason);
      return Promise.resolve();
    },
    signal: () => Promise.resolve(),
    resize: ({ rows, columns }) => {
      sizes.push({ rows, columns });
      return Promise.resolve();
    },
  };
}

function resultOf(exitCode: number, reason: ExitReason): ExecResult {
  const none = { text: '', totalBytes: 0, droppedBytes: 0 };
  return { exitCode, reason, stdout: none, stderr: none, usage: { durationMs: 1 }, strays: 0 };
}

/** A session that is served at a socket of its own. Disposing it shows visitors out and takes the folder away. */
export class Served implements AsyncDisposable {
  readonly session: FakeSession;
  readonly path: string;
  readonly audit = new InMemoryAudit();
  /** How often policy refused something to a visitor. */
  denied = 0;
  readonly #stack: Disposables;

  private constructor(session: FakeSession, path: string, stack: Disposables) {
    this.session = session;
    this.path = path;
    this.#stack = stack;
  }

  static async make(
    program: Program,
    usage?: ControlOptions['usage'],
    tracer?: Pick<Tracer, 'visits' | 'heard'>,
  ): Promise<Served> {
    const folder = await mkdtemp(join(tmpdir(), 'paddock-control-'));
    const stack = new Disposables();
    stack.defer(() => rm(folder, { recursive: true }));
    const session = new FakeSession(program);
    const path = join(folder, 's');
    const held = stack.use(await claim(path));
    const sitePolicy = builtInPolicy(folder);
    const known = usage === undefined ? {} : { usage };
    const update = (request: unknown) => session.update(request);
    const served = new Served(session, path, stack);
    const denials = {
      add: () => {
        served.denied += 1;
      },
    };
    const audit = tracer === undefined ? served.audit : heardAudit(wholeOf(served.audit), tracer.heard.onRecord);
    const traced = { trace: tracer?.visits };
    const options = { session, sitePolicy, audit, clock: systemClock, update, denials, ...known, ...traced };
    stack.use(await serveControl(held, options));
    return served;
  }

  connect(): Promise<Socket> {
    return connected(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

function wholeOf(log: InMemoryAudit): AuditLog {
  const bare = { path: '/x', [Symbol.asyncDispose]: () => Promise.resolve() };
  return { ...bare, intent: log.intent.bind(log), event: log.event.bind(log), forCaller: () => log };
}

export function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Resolves when the other side has closed the connection. */
export function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.resume();
  });
}

export function frame(kind: number, payload: Buffer, length = payload.length): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32LE(length, 0);
  header.writeUInt8(kind, 4);
  return Buffer.concat([header, payload]);
}

export function json(message: unknown): Buffer {
  return frame(1, Buffer.from(JSON.stringify(message)));
}
