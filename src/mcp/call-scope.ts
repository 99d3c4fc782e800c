import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';

/** Scopes without which a token may not call that tool; undefined: it is not those that are missing. */
export type Lacks = (tool: string) => readonly string[] | undefined;

/** What goes with a message of whom it let in, by way of the SDK's transport, to the call. The token itself goes no further than the door. */
export function scopeNote(caller: string, lacks: Lacks): AuthInfo {
  return { token: '', clientId: caller, scopes: [], extra: { lacks } };
}

/** What a message brought; undefined: nothing. */
export function lacksOf(note: AuthInfo | undefined): Lacks | undefined {
  const lacks = note?.extra?.['lacks'];
  return typeof lacks === 'function' ? (lacks as Lacks) : undefined;
}
