import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { EngineKind } from '../../../src/engine/types.js';
import { engineSockets } from '../../engine/support/engines.js';

export const mainScript = join(import.meta.dirname, '..', '..', '..', 'dist', 'cli', 'main.js');

/**
 * A user's surroundings of a test's own: a project below the home, and Paddock's state, runtime folder and audit log,
 * so that what belongs to the test can be told from what belongs to anything else on the machine.
 */
export class Place implements AsyncDisposable {
  readonly root: string;
  readonly project: string;
  readonly stateDir: string;
  readonly auditLog: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(root: string, kind: EngineKind | undefined) {
    this.root = root;
    this.project = join(root, 'project');
    this.stateDir = join(root, 'state');
    this.auditLog = join(root, 'audit.jsonl');
    this.env = {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: homedir(),
      USER: process.env['USER'] ?? '',
      XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`,
      PADDOCK_STATE_DIR: this.stateDir,
      PADDOCK_RUNTIME_DIR: join(root, 'run'),
      MCP_AUDIT_LOG: this.auditLog,
      ...(kind === undefined ? {} : { PADDOCK_ENGINE: `unix://${engineSockets[kind]}` }),
    };
  }

  static async make(kind?: EngineKind): Promise<Place> {
    const place = new Place(await mkdtemp(join(homedir(), 'paddock-e2e-')), kind);
    await mkdir(place.project);
    await writeFile(join(place.project, 'hello.txt'), 'hello\n');
    return place;
  }

  /** Every line of the audit log as JSON. */
  async audit(): Promise<AuditLine[]> {
    const text = await readFile(this.auditLog, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditLine);
  }

  /** Ids of all sessions that were ever begun here. */
  async sessionIds(): Promise<string[]> {
    const ids = (await this.audit()).flatMap((line) => (line.session === undefined ? [] : [line.session]));
    return [...new Set(ids)];
  }

  /** File names in the session folder: records, logs, half-written ones. */
  async recordFiles(): Promise<string[]> {
    return readdir(join(this.stateDir, 'sessions')).catch(() => []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

export interface AuditLine {
  readonly phase: string;
  readonly action: string;
  readonly session?: string;
  readonly verdict?: string;
  readonly result?: string;
  readonly rule?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}
