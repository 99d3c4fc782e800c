import { availableParallelism, homedir, totalmem } from 'node:os';
import type { Config } from '../config/load.js';
import type { CreateContext } from '../policy/create.js';
import { activeSecurityModules } from '../sandbox/host-facts.js';

/** What requests are judged by on this host. */
export function createContext({ sitePolicy, profiles, origins, hostFolders }: Config): CreateContext {
  const [hostMemoryBytes, cpuCount] = [totalmem(), availableParallelism()];
  const host = { homeDir: homedir(), hostMemoryBytes, cpuCount, securityModules: activeSecurityModules() };
  return { sitePolicy, profiles, origins, host, hostFolders };
}
