import { z } from 'zod';
import { controlIds } from '../core/evidence.js';
import { commandPaths } from '../core/exec.js';
import { sessionIdPattern } from '../core/ids.js';
import { providerIds } from '../core/providers.js';
import { networkModes, type SandboxSpec, seccompVariants, workspaceModes } from '../core/spec.js';

const bytes = z.number().int().nonnegative();
const limits = z.strictObject({
  memoryBytes: bytes,
  cpuMillis: bytes,
  cpuShares: bytes,
  pids: bytes,
  nofile: bytes,
  coreBytes: bytes,
  fsizeBytes: bytes.optional(),
  fsizeMostBytes: bytes.optional(),
  diskBytes: bytes.optional(),
  diskInodes: bytes.optional(),
});
const mount = z.strictObject({
  hostPath: z.string(),
  target: z.string(),
  readOnly: z.boolean(),
  purpose: z.enum(['workspace', 'mcp', 'host-image', 'extra']),
  copyOnWrite: z.boolean().optional(),
});
const tmpfs = z.strictObject({
  target: z.string(),
  sizeBytes: bytes,
  mode: bytes,
  executable: z.boolean(),
  ownedByUser: z.boolean(),
});
const texts = z.array(z.string());
const egress = z.strictObject({
  allow: texts,
  asked: texts.optional(),
  ...{ connections: bytes, bytes, bytesPerSecond: bytes },
});
const image = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('host'), extraFolders: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('reference'), reference: z.string(), pullAllowed: z.boolean() }),
]);
const spec = z.strictObject({
  image,
  workspace: z.enum(workspaceModes),
  mounts: z.array(mount),
  tmpfs: z.array(tmpfs),
  network: z.enum(networkModes),
  egress: egress.optional(),
  ports: z.array(z.strictObject({ port: bytes, name: z.string().optional() })).optional(),
  providers: z.array(z.enum(providerIds)).optional(),
  git: z.array(z.string()).optional(),
  routes: z.array(z.string()).optional(),
  limits,
  env: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.string()),
  workdir: z.string(),
  hostname: z.string(),
  lifetimeMs: bytes,
  idleTimeoutMs: bytes.optional(),
  timeoutMs: bytes.optional(),
  keepChangesMs: bytes.optional(),
  shmBytes: bytes,
  maskedPaths: z.array(z.string()),
  seccomp: z.enum(seccompVariants).optional(),
  profile: z.string().optional(),
  require: z.array(z.enum(controlIds)),
});
/** One control as it is kept: asked, engine, kernel. */
export const control = z.strictObject({
  id: z.enum(controlIds),
  asked: z.string(),
  engine: z.string(),
  kernel: z.string(),
  status: z.enum(['enforced', 'degraded', 'absent', 'unknown']),
  note: z.string().optional(),
});
const processIdentity = z.strictObject({
  pid: z.number().int().positive(),
  startTimeTicks: z.number().int().nonnegative(),
  bootId: z.string(),
  pidNamespace: z.string().optional(),
});

/**
 * What Paddock knows of one session: a file of ours in the state folder, written before the engine is asked for
 * anything. With the nonce, which only this file and the container's label hold, it is the proof of ownership.
 */
export const recordSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(sessionIdPattern),
  nonce: z.string().regex(/^[a-z2-7]{26}$/),
  name: z.string().optional(),
  /** The API key that it belongs to, as `Grant.id`; absent: to the user. */
  apiKey: z.string().optional(),
  state: z.enum(['creating', 'running', 'ending']),
  /** Why its holder ended it, where that was not asked for. */
  endedBecause: z.enum(['idle']).optional(),
  /** attached: ends with its owner process; detached: runs to its deadline. */
  kind: z.enum(['attached', 'detached']),
  owner: processIdentity,
  createdAtMs: z.number(),
  /** Epoch milliseconds, for people; process 1 keeps the deadline itself on CLOCK_BOOTTIME. */
  deadlineAtMs: z.number(),
  /** How long its engine lets it live at most, from its creation; absent in records of versions whose sessions could not be changed. */
  longestLifetimeMs: z.number().optional(),
  engine: z.strictObject({ kind: z.enum(['podman', 'docker']), socketPath: z.string(), startedByUs: z.boolean() }),
  containerName: z.string(),
  /** Absent in records of versions that knew the engine's exec only. */
  commandPath: z.enum(commandPaths).optional(),
  /** Present once the sandbox runs and has been verified. */
  container: z
    .strictObject({
      id: z.string(),
      /** 0: the server that made it could not see it. */
      initPid: z.number().int().nonnegative(),
      namespace: z.string(),
      initStartTicks: z.number(),
    })
    .optional(),
  /** Real paths of the folders it may write, so that no second session gets an overlapping one. */
  writableRoots: z.array(z.strictObject({ source: z.string(), dev: z.string(), ino: z.string() })),
  /** What was in those before the sandbox; absent where nothing can be written, or counting took too long. */
  diskBase: z.strictObject({ bytes, inodes: bytes, freeBytes: bytes, freeInodes: bytes.optional() }).optional(),
  /** What their file systems had left then, where counting took too long. */
  diskFree: z.strictObject({ bytes, inodes: bytes }).optional(),
  /** Whether it writes to a copy of its project, for want of an overlay. */
  isCopy: z.boolean().optional(),
  spec,
  /** What it may be given by an update that goes on: others count it from before the engine hears of it. */
  promised: z.strictObject({ memoryBytes: bytes, cpuMillis: bytes }).optional(),
  evidence: z.strictObject({ controls: z.array(control), readAtMs: z.number() }).optional(),
});

export type SessionRecord = z.infer<typeof recordSchema>;

/** The schema's type has `undefined` where the spec has absent keys; the values are the same. */
export function specOf(record: SessionRecord): SandboxSpec {
  return record.spec as SandboxSpec;
}
