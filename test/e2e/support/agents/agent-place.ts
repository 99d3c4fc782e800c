import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentId } from '../../../../src/agents/types.js';
import type { Place } from '../place.js';
import { agentFolder } from './install.js';

/** What a user's environment says who has these agents, and other programs in `folders`' `bin`, where sandboxes are shown them. */
export async function withAgents(
  place: Place,
  ids: readonly AgentId[],
  folders: readonly string[] = [],
): Promise<Readonly<Record<string, string>>> {
  const all = [...folders, ...(await Promise.all(ids.map(agentFolder)))];
  const settings = join(place.root, 'config', 'paddock');
  mkdirSync(settings, { recursive: true });
  const shown = `host_folders = ${JSON.stringify(all)}\n`;
  writeFileSync(join(settings, 'config.toml'), `${shown}[policy]\n${shown}`, { mode: 0o600 });
  const path = [...all.map((folder) => join(folder, 'bin')), place.env['PATH']].join(':');
  return { PATH: path, XDG_CONFIG_HOME: join(place.root, 'config') };
}
