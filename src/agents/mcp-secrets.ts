import { isLocal, type McpConfig, type McpServer } from './mcp-config.js';

/** A place in an MCP configuration that seems to hold a secret. Never the value. */
export interface SecretPlace {
  /** Like `mcpServers.github.env.GITHUB_TOKEN`. */
  readonly path: string;
  readonly reason: 'name' | 'shape';
}

const tellingName =
  /token|secret|passw|passphrase|pwd|credential|authorization|cookie|bearer|private|signature|(?:api|access|auth|account|encryption|signing|subscription|master|service|shared|storage)[-_. ]?key|(?:^|[-_.])(?:key|pat|auth|sas|dsn)(?:$|[-_.])|connection[-_. ]?string/i;

/** What the issuers of keys put in front of them, key files, tokens of three parts, and passwords in addresses. */
const tellingShapes: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_-]{16,}/,
  /\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}/,
  /\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}/,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
  /\bAIza[\w-]{30,}/,
  /\bxox[abeprs]-[\w-]{10,}/,
  /\b(?:npm|hf|dop_v1|shpat|pypi)[_-][A-Za-z0-9_-]{24,}/,
  // At the beginning of a word with its dashes only: `eyJ-eyJ-…` would have as many beginnings, each of them looked through to the end.
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /^(?:Bearer|Basic|Token|token) +\S{8,}/,
  /\/\/[^/\s:@]*:[^/\s@]+@/,
];

/**
 * The places of `config` that seem to hold a secret: by the name of a variable, header, option or query parameter, or by
 * the look of the value. What is in a sandbox can be read by everything in it, so the caller refuses such a configuration unless
 * it was told otherwise. A guess: a secret without a telling name or look is not found.
 */
export function secretsIn(config: McpConfig): SecretPlace[] {
  return Object.entries(config.mcpServers).flatMap(([name, server]) =>
    valuesOf(server).flatMap(({ path, key, value }) => {
      const reason = reasonFor(key, value, /^(?:env|headers)\./.test(path));
      return reason === undefined ? [] : [{ path: `mcpServers.${name}.${path}`, reason }];
    }),
  );
}

/** Long and without sense: what a generator of keys makes. Only where values are kept, as arguments hold digests and paths. */
const random = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=-]{28,}$|^[0-9a-fA-F]{32,}$/;

interface Value {
  readonly path: string;
  /** The name that the value goes by, where it has one. */
  readonly key?: string;
  readonly value: string;
}

function valuesOf(server: McpServer): Value[] {
  if (!isLocal(server)) return [...pairs('headers', server.headers), ...inAddress('url', server.url)];
  return [
    ...pairs('env', server.env),
    { path: 'command', value: server.command },
    ...(server.args ?? []).flatMap((value, index, all) => inArgument(`args.${index}`, value, all[index - 1])),
  ];
}

function pairs(field: string, values: Readonly<Record<string, string>> | undefined): Value[] {
  return Object.entries(values ?? {}).map(([key, value]) => ({ path: `${field}.${key}`, key, value }));
}

/** `--api-key VALUE`, `--api-key=VALUE`, `KEY=VALUE`, `Header: VALUE`, addresses. */
function inArgument(path: string, value: string, before: string | undefined): Value[] {
  const option =
    before !== undefined && /^--?[A-Za-z][\w.-]*$/.test(before) && !value.startsWith('-') ? before : undefined;
  const own = /^-{0,2}([A-Za-z][\w.-]*)(?:=|: *)(.+)$/su.exec(value);
  const key = own?.[1] ?? option?.replace(/^-+/, '');
  return [{ path, ...(key === undefined ? {} : { key }), value: own?.[2] ?? value }, ...inAddress(path, value)];
}

function inAddress(path: string, text: string): Value[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const query = [...(url?.searchParams ?? [])].map(([key, value]) => ({ path: `${path}?${key}`, key, value }));
  return [...(path === 'url' ? [{ path, value: text }] : []), ...query];
}

function reasonFor(key: string | undefined, value: string, isKept: boolean): SecretPlace['reason'] | undefined {
  // A reference is not the value, as in `${GITHUB_TOKEN}`.
  if (value === '' || /^\$\{?\w+\}?$/.test(value)) return undefined;
  if (tellingShapes.some((shape) => shape.test(value)) || (isKept && random.test(value))) return 'shape';
  return key !== undefined && tellingName.test(key) ? 'name' : undefined;
}
