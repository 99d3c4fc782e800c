import { z } from 'zod';
import { providerIds } from '../core/providers.js';
import { isGitHost } from '../policy/broker/git-hosts.js';
import { readPattern } from '../policy/broker/repositories.js';
import { isPassable, isRouteName, isRoutePath, isTokenHeader } from '../policy/broker/route-names.js';
import { upstreamProblem } from '../policy/broker/upstream.js';
import { bytes, cents, line, path, whole } from './quantities.js';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const mostPlaces = 32;

const address = line.pipe(z.string().max(1000)).superRefine((text, context) => {
  const problem = upstreamProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** Whose token a thing is reached with, and how; what is left out a file before may have said. */
const tokenUse = {
  // Nearly every token has small letters: one that was put here by mistake is refused, and is not shown with the settings.
  token: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,99}$/, 'is no name of a variable, such as GITHUB_TOKEN; a token itself never stands here')
    .optional(),
  token_file: path.optional(),
  upstream: address.optional(),
  ca_file: path.optional(),
};

const gitHost = z.strictObject({
  ...tokenUse,
  user: z
    .string()
    .regex(/^[\w.@+-]{1,100}$/, 'is no name of a user')
    .optional(),
  repositories: z
    .array(line.refine((text) => readPattern(text) !== undefined, 'is no owner/name, owner/*, group/** or **'))
    .max(64)
    .optional(),
  push: z.boolean().optional(),
});

const call = line.transform((text, context) => {
  const [word, target = '', ...more] = text.split(' ');
  const method = methods.find((one) => one === word);
  if (method !== undefined && more.length === 0 && isRoutePath(target)) return { method, path: target };
  context.addIssue({ code: 'custom', message: `is no method and path, such as "GET /v1/thing/*": ${text}` });
  return z.NEVER;
});

const header = z.string().transform((text) => text.toLowerCase());

const route = z.strictObject({
  ...tokenUse,
  header: header.refine(isTokenHeader, 'is no header that may hold a token').optional(),
  prefix: z
    .string()
    .regex(/^[\x20-\x7e]{0,40}$/, 'is not what can stand in a header')
    .optional(),
  allow: z.array(call).min(1).max(64).optional(),
  pass_headers: z.array(header.refine(isPassable, 'is no header that can be passed on')).max(32).optional(),
});

function atMost<T>(table: Record<string, T>): boolean {
  return Object.keys(table).length <= mostPlaces;
}

/** What the credential broker may be used for (docs/broker.md). */
export const broker = z.strictObject({
  providers: z.array(z.enum(providerIds)).max(8).optional(),
  environment: z.boolean().optional(),
  server_tools: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{0,40}$/, 'is no name of a tool'))
    .max(32)
    .optional(),
  git: z
    .record(z.string().refine(isGitHost, 'is no host in small letters, such as github.com'), gitHost)
    .refine(atMost, `has more than ${mostPlaces}`)
    .optional(),
  routes: z
    .record(z.string().refine(isRouteName, 'can not be the name of a route'), route)
    .refine(atMost, `has more than ${mostPlaces}`)
    .optional(),
  requests: whole.optional(),
  tokens: whole.optional(),
  cost: cents.optional(),
  bytes: bytes.optional(),
});

export type BrokerSettings = z.output<typeof broker>;
export type GitHostSettings = z.output<typeof gitHost>;
export type RouteSettings = z.output<typeof route>;
