import type { AgentId } from '../agents/types.js';

/** The npm package of one agent: the one place that says which version the adapters are written against, and an image gets. */
export interface AgentPackage {
  readonly agent: AgentId;
  readonly name: string;
  /** Exact. For another processor some have another version, and others another name. */
  readonly version: string;
  /** What npm calls it: a digest over the package's file, so that neither registry nor cache can give us another. */
  readonly integrity: string;
  /** The program, from the package's root. */
  readonly program: string;
}

type Pins = Readonly<Record<AgentId, Readonly<Partial<Record<string, Omit<AgentPackage, 'agent'>>>>>>;

const gemini = {
  name: '@google/gemini-cli',
  version: '0.61.0',
  integrity: 'sha512-dbQ9A0qBtFJNi6XBkHvfZ6Azpn6PNgH/P8h2MZ67RLlX8hSAVjup39CRWqdRxZv7YXIuhrFaytr8y0jKnkoxnQ==',
  // JavaScript: the base has to have Node 20 or newer.
  program: 'bundle/gemini.js',
};

/**
 * Packages that hold the program itself, by Node's names of processors. Those that people install hold a small script and get these as
 * optional dependencies.
 */
const pins: Pins = {
  claude: {
    x64: {
      name: '@anthropic-ai/claude-code-linux-x64',
      version: '2.1.330',
      integrity: 'sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==',
      program: 'claude',
    },
    arm64: {
      name: '@anthropic-ai/claude-code-linux-arm64',
      version: '2.1.330',
      integrity: 'sha512-V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==',
      program: 'claude',
    },
  },
  codex: {
    x64: {
      name: '@openai/codex',
      version: '0.169.0-linux-x64',
      integrity: 'sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww==',
      program: 'vendor/x86_64-unknown-linux-musl/bin/codex',
    },
    arm64: {
      name: '@openai/codex',
      version: '0.169.0-linux-arm64',
      integrity: 'sha512-NZ/DaQUpcQmxmqee7Z9uC1rzw3GhSbooawcaTe1LN5Yk+WlinUKGdTXJgClRT/9ogQEEM9TWxYzvxPfj5G/xFg==',
      program: 'vendor/aarch64-unknown-linux-musl/bin/codex',
    },
  },
  gemini: { x64: gemini, arm64: gemini },
  opencode: {
    x64: {
      name: 'opencode-linux-x64',
      version: '1.18.33',
      integrity: 'sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==',
      program: 'bin/opencode',
    },
  },
};

/** The package of an agent for a processor; undefined where there is none that we have pinned. */
export function agentPackage(agent: AgentId, processor: string): AgentPackage | undefined {
  const pinned = pins[agent][processor];
  return pinned === undefined ? undefined : { agent, ...pinned };
}

/** What `npm pack` calls the file of a package. */
export function packageFileName({ name, version }: AgentPackage): string {
  return `${name.replace(/^@/, '').replaceAll('/', '-')}-${version}.tgz`;
}
