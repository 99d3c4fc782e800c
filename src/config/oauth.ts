import { z } from 'zod';
import { type KeyCeiling, type KeyQuota, usualQuota } from '../core/api-key.js';
import { providerIds } from '../core/providers.js';
import { isLoopback } from '../kit/loopback.js';
import { bytes, line, millis, ms, path, whole } from './quantities.js';
import { reach } from './reach.js';

/** Those that need a private key: with a shared secret whoever can check a token can make one, and `none` is no signature. */
export const tokenAlgorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] as const;
const usualAlgorithms: readonly TokenAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];

export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

const url = (problemOf: (url: URL) => string | undefined) =>
  line.pipe(z.string().max(1024)).superRefine((text, context) => {
    const problem = URL.canParse(text) ? problemOf(new URL(text)) : 'is no URL';
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const https = url(({ protocol, username, password, hash }) => {
  if (protocol !== 'https:') return 'is not https:';
  return username + password + hash === '' ? undefined : 'has a name, a password or a fragment in it';
});

const resource = url(({ protocol, hostname, username, password, search, hash }) => {
  if (username + password + search + hash !== '') return 'has a name, a query or a fragment in it';
  if (protocol === 'https:') return undefined;
  const isOurs = hostname === 'localhost' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
  return protocol === 'http:' && isOurs ? undefined : 'is neither https: nor http: of the loopback';
});

/** RFC 6749; it goes into a header between quotes. */
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'is no scope');

/** What those get whose token says so. */
const grant = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'is not a name of small letters, digits and -'),
  /** Claims by their names; each is that text, or a list with it. */
  when: z.record(z.string().min(1).max(256), line.pipe(z.string().max(256))),
  roots: z.array(path).max(128).optional(),
  read_write: z.boolean().optional(),
  profile: z.string().max(32).optional(),
  allow: z
    .array(reach({ openAllowed: false }))
    .max(256)
    .optional(),
  providers: z.array(z.enum(providerIds)).optional(),
  memory: bytes.optional(),
  cpus: millis.optional(),
  pids: whole.optional(),
  disk: bytes.optional(),
  lifetime: ms.optional(),
  timeout: ms.optional(),
  keep_changes: ms.optional(),
  calls: whole.optional(),
  creates: whole.optional(),
  sessions: whole.optional(),
  cpu_time: ms.optional(),
  egress_bytes: bytes.optional(),
});

const most = (limitMs: number, text: string) => ms.refine((value) => value <= limitMs, `is more than ${text}`);

/** The table `[http.oauth]` (docs/oauth.md). */
export const oauth = z
  .strictObject({
    issuer: https.refine((text) => !text.includes('?'), 'has a query in it'),
    resource,
    audience: line.pipe(z.string().max(1024)).optional(),
    jwks_uri: https.optional(),
    jwks_file: path.optional(),
    ca_file: path.optional(),
    algorithms: z.array(z.enum(tokenAlgorithms)).min(1).optional(),
    token_type: z.enum(['at+jwt', 'any']).optional(),
    skew: most(5 * 60_000, '5m').optional(),
    longest: most(30 * 24 * 3_600_000, '30d').optional(),
    keep_sessions: most(24 * 3_600_000, '24h').optional(),
    keys: z.boolean().optional(),
    scopes: z.record(scope, z.array(line).min(1).max(64)).refine((all) => Object.keys(all).length > 0, 'names none'),
    grants: z.array(grant).min(1).max(64),
  })
  .refine((given) => given.jwks_uri === undefined || given.jwks_file === undefined, 'has both jwks_uri and jwks_file')
  .refine(({ grants }) => new Set(grants.map(({ name }) => name)).size === grants.length, 'has two grants of one name');

/** Of which callers access tokens are taken, and what these get. */
export interface OAuthSettings {
  /** As tokens have it, to the letter. */
  readonly issuer: string;
  /** What clients know this server by. */
  readonly resource: string;
  /** Whom tokens have to be made out to. */
  readonly audience: string;
  /** Where the issuer's public keys are; `discover`: where its metadata says. */
  readonly keySource: { readonly uri: string } | { readonly file: string } | 'discover';
  /** Certificates that vouch for the issuer, besides those of Node. */
  readonly caFile: string | undefined;
  readonly algorithms: readonly TokenAlgorithm[];
  /** Whether tokens have to say that they are access tokens (RFC 9068). */
  readonly typed: boolean;
  readonly skewMs: number;
  /** The most between the making of a token and its use. */
  readonly longestMs: number;
  /** For how long what a caller has stays after the end of their last token. */
  readonly keepSessionsMs: number;
  /** Whether API keys are taken as well. */
  readonly keysToo: boolean;
  /** Tools, or groups of them, by scope, in the order of the file. */
  readonly scopes: Readonly<Record<string, readonly string[]>>;
  /** The first whose conditions hold counts. */
  readonly grants: readonly OAuthGrant[];
}

export interface OAuthGrant {
  readonly name: string;
  readonly when: Readonly<Record<string, string>>;
  readonly ceiling: KeyCeiling;
  readonly quota: KeyQuota;
}

export function oauthSettings(
  given: z.output<typeof oauth> | undefined,
  at: (path: string) => string,
): OAuthSettings | undefined {
  if (given === undefined) return undefined;
  const { jwks_uri: uri, jwks_file: file, ca_file: caFile } = given;
  return {
    ...{ issuer: given.issuer, resource: given.resource, audience: given.audience ?? given.resource },
    keySource: file !== undefined ? { file: at(file) } : uri !== undefined ? { uri } : 'discover',
    caFile: caFile === undefined ? undefined : at(caFile),
    algorithms: given.algorithms ?? usualAlgorithms,
    typed: given.token_type !== 'any',
    skewMs: given.skew ?? 30_000,
    longestMs: given.longest ?? 24 * 3_600_000,
    keepSessionsMs: given.keep_sessions ?? 30 * 60_000,
    keysToo: given.keys ?? true,
    scopes: given.scopes,
    grants: given.grants.map((one) => settleGrant(one, at)),
  };
}

/** What is not said is not given, as with a key. */
function settleGrant(given: z.output<typeof grant>, at: (path: string) => string): OAuthGrant {
  const { name, when, roots = [], read_write = false, profile, allow = [], providers = [] } = given;
  return {
    ...{ name, when },
    ceiling: {
      ...{ roots: roots.map(at), readWriteAllowed: read_write, profile, allow, providers },
      ceilings: {
        ...{ memoryBytes: given.memory, cpuMillis: given.cpus, pids: given.pids, diskBytes: given.disk },
        ...{ lifetimeMs: given.lifetime, timeoutMs: given.timeout, keepChangesMs: given.keep_changes },
      },
    },
    quota: {
      callsPerMinute: given.calls ?? usualQuota.callsPerMinute,
      createsPerHour: given.creates ?? usualQuota.createsPerHour,
      sessions: given.sessions ?? usualQuota.sessions,
      ...{ cpuMsPerDay: given.cpu_time, egressBytesPerDay: given.egress_bytes },
    },
  };
}
