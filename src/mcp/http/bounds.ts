import { type MessageBounds, usualMessageBounds } from '../message-size.js';
import type { HoldBackBounds } from './hold-back.js';

/** How much, and for how long, anybody is listened to. */
export interface HttpBounds extends HoldBackBounds {
  /** Of one request. The same as of a line on stdio. */
  readonly message: MessageBounds;
  /** Of all that are being read or worked on at once. */
  readonly allBodiesBytes: number;
  /** The same of one caller. */
  readonly bodiesBytes: number;
  readonly headerBytes: number;
  readonly headers: number;
  readonly connections: number;
  readonly headersMs: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
  /** Longest answer to a call: longer than any tool works on one. */
  readonly answerMs: number;
  /** Longest stream of notifications; its client opens another. */
  readonly streamMs: number;
  /** After which an MCP session that nobody uses is closed. */
  readonly mcpSessionIdleMs: number;
  /** Of one caller at once. */
  readonly mcpSessions: number;
  readonly requests: number;
  /** What calls that are at work have left once the server is to end; within what `main` gives it. */
  readonly drainMs: number;
}

const mib = 1024 ** 2;

export const usualBounds: HttpBounds = {
  message: usualMessageBounds,
  allBodiesBytes: 128 * mib,
  bodiesBytes: 32 * mib,
  headerBytes: 16 * 1024,
  headers: 64,
  connections: 512,
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 120_000,
  answerMs: 15 * 60_000,
  streamMs: 60 * 60_000,
  mcpSessionIdleMs: 30 * 60_000,
  mcpSessions: 16,
  requests: 32,
  pauseMs: 1000,
  pausedOfOne: 64,
  paused: 256,
  drainMs: 4000,
};
