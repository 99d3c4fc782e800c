import { z } from 'zod';
import { providerIds } from '../core/providers.js';
import { networkModes, seccompVariants, workspaceModes } from '../core/spec.js';
import { copyJson, type Json, type JsonBounds } from './json.js';
import { deny } from './verdict.js';

const size = z.union([z.string().max(32), z.number()]);
/** More than policy takes of anything. Zod notes each that is wrong, and a message has room for 16,000. */
const mostTexts = 1000;
const texts = counted(z.record(z.string().max(256), z.string().max(131_072)));

/** The same schema, of which nothing is looked at where it is too many. */
function counted<T extends z.ZodType>(schema: T): T {
  const few = z.preprocess((value, context) => {
    const isFew = typeof value !== 'object' || value === null || Object.keys(value).length <= mostTexts;
    if (!isFew) context.addIssue(`are more than ${mostTexts}`);
    return value;
  }, schema);
  // It is told as what it holds: arguments of any kind go through that.
  return few as unknown as T;
}

const mcpMount = z.strictObject({
  source: z.string().describe('Absolute path of a host file or folder.'),
  target: z.string().describe('Absolute path inside the sandbox.'),
  readOnly: z.boolean().default(true).describe('Whether the sandbox may only read it; true when left out.'),
});

/** The arguments of one `create_session`: the MCP tool's input schema and the command line's. */
export const createRequestSchema = z.strictObject({
  profile: z
    .string()
    .max(64)
    .optional()
    .describe(
      'Named set of defaults: standard, strict, debug, nested or one of the site’s. What else you ask for wins.',
    ),
  projectPath: z.string().max(4096).optional().describe('Project folder on the host, shown at /workspace.'),
  image: z.string().max(512).optional().describe('`host` (default) or registry/name:tag or registry/name@sha256:….'),
  workspace: z
    .enum(workspaceModes)
    .optional()
    .describe(
      'How the project is shown: cow (the default: writable, while the folder itself stays as it is until changes are applied), read-only, read-write or not.',
    ),
  network: z
    .enum(networkModes)
    .optional()
    .describe(
      'none; allowlist: no network device either, but a proxy that lets through what `allow` lists; internal: your other sessions with internal, at http://NAME.internal:PORT; open: the engine’s network, where the site allows it.',
    ),
  ports: z
    .array(z.union([z.string().max(64), z.number()]))
    .max(16)
    .optional()
    .describe('With network internal and a name: ports that those may connect to, such as 8080 or api=8080.'),
  allow: z
    .array(z.string().max(300))
    .max(64)
    .optional()
    .describe(
      'What may be reached, within the site’s policy: example.com, *.example.com, example.com:8443, or a preset: preset:npm.',
    ),
  providers: z
    .array(z.enum(providerIds))
    .max(8)
    .optional()
    .describe(
      'Whose models programs inside may call without a key: the credential broker adds the key that this server has. anthropic, openai, google, bedrock.',
    ),
  git: z
    .array(z.string().max(300))
    .max(16)
    .optional()
    .describe('Git hosts that git inside reaches over https with a token that stays outside, such as github.com.'),
  routes: z
    .array(z.string().max(64))
    .max(16)
    .optional()
    .describe('Names of the site’s own routes of the credential broker.'),
  seccomp: z
    .enum(seccompVariants)
    .optional()
    .describe('System call filter: default; debug (ptrace) or nested (user namespaces) where the policy allows it.'),
  memory: size.optional().describe('Memory limit: bytes, or text such as 2g.'),
  cpus: size.optional().describe('CPU limit, for example 1.5.'),
  pids: z.number().optional().describe('Most processes and threads.'),
  disk: size
    .optional()
    .describe('How much a writable project may grow on the disk, for example 10g; commands are ended at it.'),
  lifetime: size.optional().describe('Seconds, or text such as 2h, after which the sandbox ends.'),
  idleTimeout: size
    .optional()
    .describe('Seconds, or text such as 30m, without a command after which the session ends; reading does not count.'),
  timeout: size.optional().describe('Default time of one command: seconds, or text such as 10m.'),
  keepChanges: z
    .union([z.literal(false), size])
    .optional()
    .describe('How long what a cow session has changed is kept after its end, such as 3d; false: not at all.'),
  env: texts.optional().describe('Environment of every command.'),
  labels: texts.optional().describe('Labels of the session.'),
  name: z.string().max(256).optional().describe('A name for the session.'),
  workdir: z.string().max(4096).optional().describe('Where commands start; default /workspace.'),
  hostFolders: z
    .array(z.string().max(4096))
    .max(16)
    .optional()
    .describe('Host folders the host image shows read-only.'),
  mcpMounts: z.array(mcpMount).max(32).optional().describe('Further host paths to show inside.'),
  dockerOpts: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Options of Docker’s create call, for example {"Memory":"2g","CpuQuota":50000,"CapDrop":["ALL"]}.'),
});

/** The arguments of one `update_session`, without the session: what is left out stays as it is. */
export const updateRequestSchema = z.strictObject({
  lifetime: size.optional().describe('Seconds, or text such as 8h, after its creation at which the session is to end.'),
  endsIn: size.optional().describe('The same from now on, such as 30m; give this or lifetime.'),
  idleTimeout: size.optional().describe('Seconds, or text such as 45m, without a command after which it ends.'),
  memory: size.optional().describe('Memory limit: bytes, or text such as 2g.'),
  cpus: size.optional().describe('CPU limit, for example 1.5.'),
  cpuShares: z.number().optional().describe('CPU weight, 1024 is normal.'),
  pids: z.number().optional().describe('Most processes and threads.'),
  disk: size.optional().describe('How much a writable project may have grown since the session was made, such as 20g.'),
});

/** An update request as callers write it. */
export type UpdateRequest = z.input<typeof updateRequestSchema>;

/** A create request as callers write it. */
export type CreateRequest = z.input<typeof createRequestSchema>;
export type ParsedCreateRequest = z.output<typeof createRequestSchema>;

const commandShape = {
  argv: z.array(z.string()).min(1).max(4096).optional().describe('Program and arguments, run as they are.'),
  command: z.string().optional().describe('One shell line, run by /bin/sh -c; give this or argv.'),
  cwd: z.string().max(4096).optional().describe("Absolute path inside; default: the session's workdir."),
  env: texts.optional().describe('Environment of this command, over that of the session.'),
  timeout: size.optional().describe('Seconds, or text such as 90s, after which the command is killed.'),
  outputCap: size.optional().describe('Most bytes kept of each stream, for example 256k.'),
  outputLimit: size.optional().describe('Bytes of output after which the command is ended, for example 64m.'),
};

/** The arguments of one command, without the session it runs in. Tools add their own around `.shape`. */
export const execRequestSchema = z.strictObject({
  ...commandShape,
  stdin: z.string().optional().describe('Text for standard input.'),
});

/** Copies and parses foreign input: bounded JSON first, then the schema (`request.*`). */
export function parseRequest<T>(input: unknown, schema: z.ZodType<T>, bounds: JsonBounds): T {
  const copy: Json = copyJson(input, bounds);
  const parsed = schema.safeParse(copy);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue === undefined || issue.path.length === 0 ? 'the request' : issue.path.join('.');
  if (issue?.code === 'unrecognized_keys') {
    deny('request.unknown-key', `${path} does not know ${issue.keys.map((key) => key.slice(0, 60)).join(', ')}`);
  }
  deny('request.invalid', `${path}: ${issue?.message ?? 'not valid'}`);
}
