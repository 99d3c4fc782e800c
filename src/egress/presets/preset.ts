import type { AskTool } from './ask-tool.js';

export interface PresetContext {
  readonly ask: AskTool;
  /** Of the server; only the names of folders are read from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A small file of the user's; undefined when it can't be read. */
  readonly readText: (path: string) => Promise<string | undefined>;
  readonly signal?: AbortSignal;
}

/** Rules for the hosts that a tool of this user needs; undefined when that can't be found out, empty when it needs none. */
export type Preset = (context: PresetContext) => Promise<readonly string[] | undefined>;
