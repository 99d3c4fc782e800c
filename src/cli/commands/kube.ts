import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { seccompProfiles } from '../../confine/seccomp/profile.js';
import { PaddockError } from '../../core/errors.js';
import { isSessionId } from '../../core/ids.js';
import type { SandboxSpec } from '../../core/spec.js';
import { type HandOver, handOver, type SandboxApi, sandboxApis } from '../../kube/hand-over.js';
import { dnsLabel } from '../../kube/names.js';
import { type Machine, machines, runtimeSeccomp } from '../../kube/seccomp.js';
import { decideCreate } from '../../policy/create.js';
import { checkReference } from '../../policy/image.js';
import { baseEnv } from '../../policy/surroundings.js';
import { toPolicyDenied } from '../../policy/verdict.js';
import { specOf } from '../../session/record.js';
import { App } from '../app.js';
import { type CliCommand, type CliOptions, type CommandContext, text } from '../command.js';
import { createContext } from '../create-context.js';
import { report } from '../output.js';
import { settingsOf } from '../settings.js';
import { recordOf } from './detached.js';
import { planOptions, requestOf } from './request.js';

const options = {
  ...planOptions,
  image: {
    type: 'string',
    help: "what the cluster's nodes pull (default: the session's own, which the host image has none of)",
  },
  namespace: { type: 'string', help: 'namespace of everything that is written (default: paddock- and the name)' },
  'agent-sandbox': {
    type: 'string',
    help: `a Sandbox of the agent-sandbox API in place of a pod: ${sandboxApis.join(' or ')}`,
  },
  machine: { type: 'string', help: `of the nodes: ${Object.keys(machines).join(' or ')} (default: as here)` },
  output: {
    type: 'string',
    help: 'folder for paddock.yaml and the filter of system calls (default: the manifests on stdout)',
  },
} as const satisfies CliOptions;

export const kube: CliCommand = {
  name: 'kube',
  usage: 'kube SESSION|PROFILE [--image REF] [--output DIR] [OPTIONS] [-- CMD...]',
  summary: 'what a session or a profile is here, as manifests for a Kubernetes cluster',
  mostPositionals: 1,
  options,
  async run(context) {
    const plan = await planOf(context);
    const image = imageOf(context, plan.spec);
    const machine = oneOf(
      context,
      'machine',
      Object.keys(machines) as Machine[],
      process.arch === 'arm64' ? 'arm64' : 'amd64',
    );
    const variant = plan.spec.seccomp ?? 'default';
    const name = dnsLabel(plan.name);
    const naming = { name, namespace: dnsLabel(text(context, 'namespace') ?? ownNamespace(name)) };
    const made = handOver(plan.spec, {
      ...{ naming, image, argv: context.rest, unknownVariables: plan.unknownVariables },
      seccompProfile: `paddock/${variant}-${machine}.json`,
      sandboxApi: oneOf<SandboxApi | undefined>(context, 'agent-sandbox', sandboxApis, undefined),
      endsAtMs: plan.endsAtMs,
    });
    const filter = filterOf(variant, machine);
    const folder = text(context, 'output');
    if (folder === undefined) {
      await report(context, { ...made, seccompProfile: filter }, yamlOf(made).trimEnd());
      return 0;
    }
    const files = await written(folder, made, `seccomp/paddock/${variant}-${machine}.json`, filter);
    await report(context, { ...made, files }, [...files, ...made.notes.map((note) => `note: ${note}`)].join('\n'));
    return 0;
  },
};

interface Plan {
  readonly spec: SandboxSpec;
  readonly name: string;
  readonly endsAtMs: number;
  readonly unknownVariables: readonly string[];
}

async function planOf(context: CommandContext): Promise<Plan> {
  const [subject] = context.positionals;
  if (subject === undefined) throw new PaddockError('BAD_ARGUMENT', 'name a session or a profile');
  const config = await settingsOf(context);
  if (isSessionId(subject)) {
    refuseOptions(context);
    await using app = new App(config, context.env);
    const record = await recordOf(app, subject);
    const { env, ...spec } = specOf(record);
    const base: Readonly<Record<string, string>> = baseEnv('reference');
    const unknownVariables = Object.keys(env).filter((name) => !Object.hasOwn(base, name));
    const { name = record.containerName, deadlineAtMs: endsAtMs } = record;
    return { spec: { ...spec, env: base }, name, endsAtMs, unknownVariables };
  }
  if (!config.profiles.some(({ name }) => name === subject)) {
    const known = config.profiles.map(({ name }) => name).join(', ');
    throw new PaddockError(
      'BAD_ARGUMENT',
      `there is neither a session nor a profile ${subject}; profiles are ${known}`,
    );
  }
  // The reference is for the cluster's nodes: what may be run here is not asked.
  const request = Object.fromEntries(Object.entries(requestOf(context)).filter(([key]) => key !== 'image'));
  const verdict = decideCreate({ ...request, profile: subject }, createContext(config));
  if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
  const { spec, name = `paddock-${subject}` } = verdict;
  return { spec, name, endsAtMs: Date.now() + spec.lifetimeMs, unknownVariables: [] };
}

/** Whoever makes a session names it, `kube-system` perhaps, and the quota for one pod that is applied to a namespace holds for all that is there. */
function ownNamespace(name: string): string {
  return name.startsWith('paddock-') ? name : `paddock-${name}`;
}

/** A session is what it is. */
function refuseOptions(context: CommandContext): void {
  const given = Object.keys(planOptions).find((name) => name !== 'image' && context.values[name] !== undefined);
  if (given !== undefined)
    throw new PaddockError('BAD_ARGUMENT', `--${given} goes with a profile; a session is as it was made`);
}

function imageOf(context: CommandContext, { image }: SandboxSpec): string {
  const asked = text(context, 'image') ?? (image.kind === 'reference' ? image.reference : undefined);
  if (asked === undefined) {
    throw new PaddockError('BAD_ARGUMENT', 'the host image is this host: a cluster has nothing of that name', {
      hint: "Give --image with a reference that the cluster's nodes can pull.",
    });
  }
  checkReference(asked);
  return asked;
}

function oneOf<T extends string | undefined>(
  context: CommandContext,
  name: string,
  known: readonly T[],
  otherwise: T,
): T {
  const asked = text(context, name);
  const found = asked === undefined ? otherwise : known.find((one) => one === asked);
  if (found === undefined && asked !== undefined)
    throw new PaddockError('BAD_ARGUMENT', `--${name} is one of ${known.join(', ')}`);
  return found as T;
}

function filterOf(variant: string, machine: Machine): string {
  const { json = '' } = seccompProfiles().find((one) => one.variant === variant) ?? {};
  return `${JSON.stringify(runtimeSeccomp(json, machine), undefined, 1)}\n`;
}

function yamlOf({ manifests, notes }: HandOver): string {
  const head = ['Not carried over:', ...notes].map((line) => `# ${line}\n`).join('');
  // Texts that another reader would take for numbers or truth values are quoted for YAML 1.1, too.
  const documents = manifests.map((one) =>
    stringify(one, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 }),
  );
  return `${head}---\n${documents.join('---\n')}`;
}

async function written(folder: string, made: HandOver, filterPath: string, filter: string): Promise<readonly string[]> {
  const manifests = join(folder, 'paddock.yaml');
  const filterFile = join(folder, filterPath);
  try {
    await mkdir(dirname(filterFile), { recursive: true });
    await writeFile(manifests, yamlOf(made));
    await writeFile(filterFile, filter);
  } catch (cause) {
    throw new PaddockError('BAD_ARGUMENT', `${folder} can't be written to`, { cause });
  }
  return [manifests, filterFile];
}
