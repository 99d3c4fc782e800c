import type { Readable } from 'node:stream';
import type { CommandId } from '../core/ids.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { KillTarget } from './kill-tree.js';

/** Receives output as it comes; a returned promise holds the command back until it resolves. */
export type OutputSink = (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;

export interface CommandOptions {
  /** Ends the command with reason `aborted` when it fires. */
  readonly signal?: AbortSignal;
  readonly onOutput?: OutputSink;
  /** Streamed standard input, instead of the request's text. */
  readonly stdin?: Readable;
}

/** Where a command runs. */
export interface CommandPlace {
  readonly containerId: string;
  readonly initPid: number;
  /** Resolved inside. */
  readonly cwd: string;
  /** What is set for this command, over the sandbox's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** PATH of the sandbox's environment, where it is known. */
  readonly path: string | undefined;
}

/** What a command needs of its sandbox. */
export interface CommandHost {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly cgroup: string | undefined;
  /** Pid namespace of the sandbox. */
  readonly namespace: string;
  readonly isAlive: () => boolean;
  /** What belongs to this command and to no other live one. */
  readonly killTarget: (command: { readonly id: CommandId }) => KillTarget;
  /** Called when a tree could not be ended by signals: the sandbox itself has to go. */
  readonly onUnkillable: () => Promise<void>;
}
