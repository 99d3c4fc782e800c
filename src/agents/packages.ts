import type { AgentId } from './types.js';

/** An agent as npm has it: one package that holds all that is needed to run it. */
export interface AgentPackage {
  readonly name: string;
  readonly version: string;
  /** Of the whole package, as npm's lock files have it. */
  readonly integrity: string;
  /** In the package; what else of it is needed lies beside. */
  readonly program: string;
  /** Run by Node.js and not by itself. */
  readonly isScript: boolean;
}

/**
 * The versions that the adapters are written against and tested with, for linux-x64 with glibc (Codex is static). The
 * packages that people install (`@anthropic-ai/claude-code`, `@openai/codex`, `opencode-ai`) only choose one of these.
 */
export const agentPackages: Readonly<Record<AgentId, AgentPackage>> = {
  claude: {
    name: '@anthropic-ai/claude-code-linux-x64',
    version: '2.1.330',
    integrity: 'sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==',
    program: 'claude',
    isScript: false,
  },
  codex: {
    name: '@openai/codex',
    version: '0.169.0-linux-x64',
    integrity: 'sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww==',
    program: 'vendor/x86_64-unknown-linux-musl/bin/codex',
    isScript: false,
  },
  gemini: {
    name: '@google/gemini-cli',
    version: '0.61.0',
    integrity: 'sha512-dbQ9A0qBtFJNi6XBkHvfZ6Azpn6PNgH/P8h2MZ67RLlX8hSAVjup39CRWqdRxZv7YXIuhrFaytr8y0jKnkoxnQ==',
    program: 'bundle/gemini.js',
    isScript: true,
  },
  opencode: {
    name: 'opencode-linux-x64',
    version: '1.18.33',
    integrity: 'sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==',
    program: 'bin/opencode',
    isScript: false,
  },
};
