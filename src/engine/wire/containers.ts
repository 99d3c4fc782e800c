import { z } from 'zod';
import type { ContainerClaims, ContainerState, ContainerSummary, ExecState } from '../types.js';
import { integer, optionalText, stringList, stringMap } from './values.js';

export const created = z.object({ Id: z.string().regex(/^[0-9a-f]{12,64}$/), Warnings: stringList });

const list = z.array(z.string()).nullish();
const hostConfig = z.object({
  ReadonlyRootfs: z.boolean().nullish(),
  NetworkMode: z.string().nullish(),
  Memory: z.number().nullish(),
  MemorySwap: z.number().nullish(),
  NanoCpus: z.number().nullish(),
  CpuQuota: z.number().nullish(),
  CpuPeriod: z.number().nullish(),
  CpuShares: z.number().nullish(),
  PidsLimit: z.number().nullish(),
  CapAdd: list,
  CapDrop: list,
  SecurityOpt: list,
  UsernsMode: z.string().nullish(),
  Privileged: z.boolean().nullish(),
});

/** The same words on both engines; `EffectiveCaps` is Podman's alone. */
export const inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    Pid: integer,
    ExitCode: integer,
    OOMKilled: z.boolean().nullish(),
  }),
  Config: z.object({ Labels: stringMap }),
  HostConfig: hostConfig,
  EffectiveCaps: list,
  Mounts: z
    .array(z.object({ Type: z.string().nullish(), Source: z.string().nullish(), Destination: z.string() }))
    .nullish(),
});

const listed = z.object({ Id: z.string(), Names: stringList, Labels: stringMap, State: optionalText });
/** Podman's own list gives the creation as text, Docker's in seconds. */
export const podmanList = z.array(listed.extend({ Created: z.string() }));
export const dockerList = z.array(listed.extend({ Created: z.number() }));

export const execCreated = z.object({ Id: z.string().regex(/^[0-9a-f]{12,64}$/) });
export const execInspected = z.object({ Running: z.boolean(), ExitCode: integer.nullish(), Pid: integer.nullish() });

/** Podman's state words in Docker's vocabulary: `stopped` is an exited container that was not cleaned up yet. */
const sameStatus: ReadonlyMap<string, string> = new Map([
  ['stopped', 'exited'],
  ['configured', 'created'],
  ['initialized', 'created'],
  ['stopping', 'running'],
]);

export function statusOf(engineStatus: string): string {
  const status = engineStatus.toLowerCase();
  return sameStatus.get(status) ?? status;
}

export function stateOf(body: z.infer<typeof inspected>): ContainerState {
  return {
    id: body.Id,
    name: body.Name.replace(/^\//, ''),
    status: statusOf(body.State.Status),
    running: body.State.Running,
    pid: body.State.Pid,
    exitCode: body.State.ExitCode,
    oomKilled: body.State.OOMKilled ?? false,
    labels: body.Config.Labels,
    imageId: body.Image,
    binds: (body.Mounts ?? []).flatMap(({ Type, Source, Destination }) =>
      Type === 'bind' && Source ? [{ source: Source, target: Destination }] : [],
    ),
    claims: claimsOf(body),
  };
}

function claimsOf(body: z.infer<typeof inspected>): ContainerClaims {
  const host = body.HostConfig;
  const claims = {
    readOnlyRoot: host.ReadonlyRootfs,
    networkMode: host.NetworkMode,
    memoryBytes: host.Memory,
    memorySwapBytes: host.MemorySwap,
    nanoCpus: host.NanoCpus,
    cpuQuota: host.CpuQuota,
    cpuPeriod: host.CpuPeriod,
    cpuShares: host.CpuShares,
    pids: host.PidsLimit,
    capAdd: host.CapAdd,
    capDrop: host.CapDrop,
    effectiveCaps: body.EffectiveCaps,
    securityOpt: host.SecurityOpt,
    usernsMode: host.UsernsMode,
    privileged: host.Privileged,
  };
  // What the engine left out or gave as null it did not say.
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined && value !== null));
}

export function summaryOf(item: z.infer<typeof listed> & { readonly Created: string | number }): ContainerSummary {
  return {
    id: item.Id,
    names: item.Names.map((name) => name.replace(/^\//, '')),
    labels: item.Labels,
    state: statusOf(item.State),
    createdAtMs: typeof item.Created === 'number' ? item.Created * 1000 : Date.parse(item.Created),
  };
}

export function execStateOf(body: z.infer<typeof execInspected>): ExecState {
  // Podman says 0 and Docker null while it runs.
  return {
    running: body.Running,
    exitCode: body.Running ? undefined : (body.ExitCode ?? undefined),
    pid: body.Pid ?? 0,
  };
}
