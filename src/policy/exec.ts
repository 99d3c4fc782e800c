import type { ExecRequest } from '../core/exec.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { SandboxSpec } from '../core/spec.js';
import type { JsonBounds } from './json.js';
import { decideTimeout } from './limits.js';
import { checkEnv, maxArgumentBytes, maxEnvEntries } from './names.js';
import { insidePath } from './paths.js';
import { duration, size, within } from './quantities.js';
import { execRequestSchema, parseRequest } from './request.js';
import { type Denied, deny, settle, toPolicyDenied } from './verdict.js';

export const execLimits = {
  argvEntries: 4096,
  argvBytes: 1024 ** 2,
  stdinBytes: 8 * 1024 ** 2,
  outputCapBytes: { least: 1024, usual: 256 * 1024, most: 8 * 1024 ** 2 },
  outputLimitBytes: { least: 4096, usual: 256 * 1024 ** 2, most: 4 * 1024 ** 3 },
} as const;

// stdin is judged apart from the rest, since it may be bytes and is much larger than any other text.
const commandBounds: JsonBounds = { maxDepth: 3, maxValues: 6000, maxTextChars: 2 * 1024 ** 2 };

export type ExecVerdict = { readonly verdict: 'allow'; readonly request: ExecRequest } | Denied;

/**
 * Decides one command in a sandbox. `input` may be anything; `execRequestSchema` says what it should be, and stdin may be bytes. Times
 * default to the sandbox's, then the policy's, and never exceed the policy's ceiling or eight hours.
 */
export function decideExec(input: unknown, spec: SandboxSpec, sitePolicy: SitePolicy): ExecVerdict {
  return settle<ExecVerdict>(() => {
    const { stdin, rest } = takeStdin(input);
    const request = parseRequest(rest, execRequestSchema, commandBounds);
    const { ceilings, defaults } = sitePolicy;
    const timeoutMs = request.timeout === undefined ? undefined : duration(request.timeout, 'timeout');
    return {
      verdict: 'allow',
      request: {
        argv: decideArgv(request.argv, request.command),
        ...(request.cwd === undefined ? {} : { cwd: insidePath(request.cwd, 'cwd') }),
        ...(request.env === undefined ? {} : { env: decideEnv(request.env) }),
        ...(stdin === undefined ? {} : { stdin }),
        timeoutMs: decideTimeout(timeoutMs, spec.timeoutMs ?? defaults.timeoutMs, ceilings.timeoutMs),
        outputCapBytes: outputBytes(request.outputCap, 'outputCap', execLimits.outputCapBytes),
        outputLimitBytes: outputBytes(request.outputLimit, 'outputLimit', execLimits.outputLimitBytes),
      },
    };
  });
}

/** The same for those who can't go on with a denial: it is thrown as PolicyDenied. */
export function admitExec(input: unknown, spec: SandboxSpec, sitePolicy: SitePolicy): ExecRequest {
  const verdict = decideExec(input, spec, sitePolicy);
  if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
  return verdict.request;
}

function takeStdin(input: unknown): { readonly stdin: string | Uint8Array | undefined; readonly rest: unknown } {
  if (typeof input !== 'object' || input === null || !Object.hasOwn(input, 'stdin'))
    return { stdin: undefined, rest: input };
  const { stdin, ...rest } = input as { readonly stdin?: unknown };
  if (stdin === undefined) return { stdin, rest };
  if (typeof stdin !== 'string' && !(stdin instanceof Uint8Array)) deny('exec.stdin', `stdin is a ${typeof stdin}`);
  const bytes = typeof stdin === 'string' ? Buffer.byteLength(stdin) : stdin.byteLength;
  if (bytes > execLimits.stdinBytes)
    deny('exec.stdin', `stdin has ${bytes} bytes, the most is ${execLimits.stdinBytes}`);
  return { stdin, rest };
}

function decideArgv(argv: readonly string[] | undefined, line: string | undefined): readonly string[] {
  if ((argv === undefined) === (line === undefined)) deny('exec.command', 'give either argv or command');
  const words = argv ?? ['/bin/sh', '-c', line ?? ''];
  if (words[0] === '' || line === '') deny('exec.command', 'the command is empty');
  let total = 0;
  for (const word of words) {
    const bytes = Buffer.byteLength(word) + 1;
    // First: it is told at once, whatever is in it.
    if (bytes > maxArgumentBytes) deny('exec.command', `one argument has more than ${maxArgumentBytes} bytes`);
    if (word.includes('\0')) deny('exec.command', 'the command holds NUL');
    if (/\p{Cs}/u.test(word)) deny('exec.command', 'the command is not valid Unicode');
    total += bytes;
  }
  if (total > execLimits.argvBytes) deny('exec.command', `the command has more than ${execLimits.argvBytes} bytes`);
  return [...words];
}

function decideEnv(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(env);
  if (entries.length > maxEnvEntries) deny('env.malformed', `more than ${maxEnvEntries} environment variables`);
  for (const [name, value] of entries) checkEnv(name, value);
  return Object.fromEntries(entries);
}

function outputBytes(
  value: string | number | undefined,
  what: string,
  { least, usual, most }: { readonly least: number; readonly usual: number; readonly most: number },
): number {
  if (value === undefined) return usual;
  const bytes = size(value, what);
  if (bytes < least) deny('exec.output', `${what} ${bytes} is below ${least} bytes`);
  return within(bytes, { what, minimum: least, ceiling: most, ceilingRule: 'exec.output', unit: 'bytes' });
}
