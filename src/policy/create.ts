import type { SitePolicy } from '../core/site-policy.js';
import { type SandboxSpec, type SeccompVariant, workspaceTarget } from '../core/spec.js';
import { decideBroker } from './broker/decide.js';
import { decideDisk } from './disk.js';
import { parseDockerOpts } from './docker/parse.js';
import { checkSwap } from './docker/resources.js';
import { decideImage, hostImage } from './image.js';
import type { Json, JsonBounds, JsonObject } from './json.js';
import { checkHostFacts, decideLimits, decideTimes, type HostFacts } from './limits.js';
import { decideMounts, decideWorkspace } from './mounts.js';
import { checkEnv, checkLabel, checkSessionName, maxEnvEntries, maxLabels } from './names.js';
import { decideNetwork } from './network.js';
import { insidePath } from './paths.js';
import { loweredNotes } from './plan-values.js';
import { type ChosenProfile, chooseProfile, type ProfileContext, requiredHere } from './profile.js';
import { count, cpus, duration, size } from './quantities.js';
import { createRequestSchema, type ParsedCreateRequest, parseRequest } from './request.js';
import { baseEnv, maskedPaths, sandboxHome, sandboxHostname } from './surroundings.js';
import { decideTmpfs } from './tmpfs.js';
import { type CreateAllowed, type CreateVerdict, deny, settle } from './verdict.js';
import { type SingleWishes, Wishes } from './wishes.js';

const requestBounds: JsonBounds = { maxDepth: 8, maxValues: 4096, maxTextChars: 512 * 1024 };
const mostEnvBytes = 256 * 1024;
const mostLabelBytes = 32 * 1024;

/** Everything a create decision depends on besides the request. */
export interface CreateContext extends ProfileContext {
  readonly host: HostFacts;
  /** Host folders shown when a request for the host image names none: the user's own setting. */
  readonly hostFolders?: readonly string[];
  /** What `User` in dockerOpts may say besides nothing and `agent`, for example `1000` and `1000:1000`. */
  readonly sandboxUsers?: readonly string[];
}

/**
 * Decides one create request. `input` may be anything: it is copied as bounded plain JSON, parsed strictly and only
 * then looked at; what comes out as `spec` holds nothing that was not parsed. Never throws for bad input; a refusal
 * names its rule. Fails closed: what is not understood is refused.
 */
export function decideCreate(input: unknown, context: CreateContext): CreateVerdict {
  return settle<CreateVerdict>(() => {
    checkHostFacts(context.host);
    const request = parseRequest(input, createRequestSchema, requestBounds);
    const wishes = new Wishes();
    takeArguments(request, wishes);
    // The schema leaves dockerOpts as it is, and `parseRequest` made it of plain JSON.
    const opts = (request.dockerOpts ?? {}) as JsonObject;
    const options = parseDockerOpts(opts, wishes, ['agent', ...(context.sandboxUsers ?? [])]);
    const chosen = chooseProfile(request.profile, context);
    return compose(request, wishes, options, { ...context, ...chosen });
  });
}

function takeArguments(request: ParsedCreateRequest, wishes: Wishes): void {
  const { image, network, memory, pids, disk, workdir } = request;
  if (image !== undefined) wishes.set('image', image, 'image');
  if (network !== undefined) wishes.set('network', network, 'network');
  if (memory !== undefined) wishes.set('memoryBytes', size(memory, 'memory'), 'memory');
  if (request.cpus !== undefined) wishes.set('cpuMillis', cpus(request.cpus, 'cpus'), 'cpus');
  if (disk !== undefined) wishes.set('diskBytes', size(disk, 'disk'), 'disk');
  if (pids !== undefined) wishes.set('pids', count(pids, 'pids'), 'pids');
  if (workdir !== undefined) wishes.set('workdir', insidePath(workdir, 'workdir'), 'workdir');
  for (const [name, value] of Object.entries(request.env ?? {})) {
    checkEnv(name, value);
    wishes.setEnv(name, value);
  }
  for (const [name, value] of Object.entries(request.labels ?? {})) {
    checkLabel(name, value);
    wishes.setLabel(name, value);
  }
}

function compose(
  request: ParsedCreateRequest,
  wishes: Wishes,
  options: ReadonlyMap<string, Json>,
  { sitePolicy, host, hostFolders, profile, own }: CreateContext & ChosenProfile,
): CreateAllowed {
  const asked = wishes.get('image') ?? hostImage;
  const image = decideImage(asked, request.hostFolders ?? (asked === hostImage ? hostFolders : undefined), sitePolicy);
  const workspace = decideWorkspace(request, sitePolicy, wishes);
  const decided = decideLimits(wishes, sitePolicy, host);
  const { memoryBytes } = decided.limits;
  checkSwap(options, memoryBytes);
  const tmpfs = decideTmpfs(wishes.tmpfs, sitePolicy, { memoryBytes, askedShmBytes: wishes.get('shmBytes') });
  const mounts = decideMounts(request, workspace, wishes, tmpfs, sitePolicy);
  const reach = decideNetwork({ ...request, network: wishes.get('network') }, sitePolicy);
  const brokered = decideBroker(askedOfBroker(request), sitePolicy.broker);
  const times = askedTimes(request);
  const spec: SandboxSpec = {
    image,
    workspace,
    mounts,
    tmpfs,
    ...{ ...reach.spec, ...brokered.spec },
    limits: { ...decided.limits, ...decideDisk(wishes, sitePolicy, { ...decided, mounts, tmpfs }) },
    env: brokered.completed({ ...baseEnv(image.kind), ...reach.env, ...brokered.env, ...boundedEnv(wishes.env) }),
    labels: boundedLabels(wishes.labels),
    workdir: wishes.get('workdir') ?? (workspace === 'none' ? sandboxHome : workspaceTarget),
    hostname: wishes.get('hostname') ?? sandboxHostname,
    ...decideTimes(times, sitePolicy),
    ...{ shmBytes: decided.shmBytes, maskedPaths },
    seccomp: decideSeccomp(request.seccomp, sitePolicy),
    profile: profile.name,
    require: requiredHere(sitePolicy.require, host.securityModules),
  };
  const isAsked = (key: string) =>
    key in times ? times[key as keyof typeof times] !== undefined : wishes.get(key as keyof SingleWishes) !== undefined;
  const lowered = loweredNotes({ profile, own, sitePolicy }, spec, isAsked);
  const name = request.name === undefined ? {} : { name: checkSessionName(request.name) };
  return { verdict: 'allow', spec, ...name, notes: [...wishes.notes, ...reach.notes, ...lowered] };
}

function askedOfBroker({ providers = [], git = [], routes = [] }: ParsedCreateRequest) {
  return { providers, git, routes };
}

function askedTimes({ lifetime, idleTimeout, timeout, keepChanges }: ParsedCreateRequest) {
  return {
    lifetimeMs: ms(lifetime, 'lifetime'),
    idleTimeoutMs: ms(idleTimeout, 'idleTimeout'),
    timeoutMs: ms(timeout, 'timeout'),
    keepChangesMs: keepChanges === false ? 0 : ms(keepChanges, 'keepChanges'),
  };
}

function ms(value: string | number | undefined, what: string): number | undefined {
  return value === undefined ? undefined : duration(value, what);
}

/** The default is the floor; what opens more is the site's to allow. */
function decideSeccomp(asked: SeccompVariant | undefined, { seccomp: allowed, defaults }: SitePolicy): SeccompVariant {
  const variant = asked ?? defaults.seccomp;
  if (variant !== 'default' && !allowed.includes(variant)) {
    const whose = asked === undefined ? `${variant}, which the profile ${defaults.profile} is made of` : variant;
    deny('seccomp.not-allowed', `the policy allows ${['default', ...allowed].join(', ')}, not ${whose}`);
  }
  return variant;
}

/** Bounds the sum: each entry was checked when it came in. */
function boundedEnv(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(env);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 2, 0);
  if (entries.length > maxEnvEntries || bytes > mostEnvBytes) deny('env.malformed', 'the environment is too large');
  return env;
}

function boundedLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  if (entries.length > maxLabels) deny('labels.malformed', `more than ${maxLabels} labels`);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (bytes > mostLabelBytes) deny('labels.malformed', `the labels together are longer than ${mostLabelBytes} bytes`);
  return labels;
}
