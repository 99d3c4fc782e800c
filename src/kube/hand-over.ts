import type { SandboxSpec } from '../core/spec.js';
import { labelsOf, type Manifest, type Naming } from './manifest.js';
import { notCarriedOver } from './not-carried.js';
import { type PodWishes, podSpecOf } from './pod-spec.js';
import { surroundingsOf } from './surroundings.js';

/** Served versions of the agent-sandbox API; what is written of it is the same in both. */
export const sandboxApis = ['v1beta1', 'v1alpha1'] as const;
export type SandboxApi = (typeof sandboxApis)[number];

export interface HandOverWishes extends Omit<PodWishes, 'serviceAccount'> {
  readonly naming: Naming;
  /** As a `Sandbox` of that API instead of a bare pod. */
  readonly sandboxApi?: SandboxApi | undefined;
  /** Milliseconds since the epoch at which a `Sandbox` is over. */
  readonly endsAtMs: number;
  /** Variables whose values nobody has kept: they are left out. */
  readonly unknownVariables?: readonly string[];
}

/** What runs here, for a cluster. */
export interface HandOver {
  /** In the order in which they can be applied. */
  readonly manifests: readonly Manifest[];
  /** What is not carried over, for people. */
  readonly notes: readonly string[];
}

/** The plan of one sandbox as manifests. Whatever a manifest can't say is in the notes. */
export function handOver(spec: SandboxSpec, wishes: HandOverWishes): HandOver {
  const { naming, seccompProfile } = wishes;
  const podSpec = podSpecOf(spec, { ...wishes, serviceAccount: naming.name });
  return {
    manifests: [...surroundingsOf(spec, naming), workload(podSpec, wishes)],
    notes: [...notCarriedOver(spec, seccompProfile), ...variableNotes(spec, wishes.unknownVariables ?? [])],
  };
}

function variableNotes({ env }: SandboxSpec, unknown: readonly string[]): readonly string[] {
  const known = Object.keys(env).length;
  // With the host image each session has one, of this host's folders.
  const wanted = unknown.filter((name) => name !== 'PATH');
  return [
    ...(wanted.length > 0 ? [`records hold no values of variables; set these yourself: ${wanted.join(', ')}`] : []),
    ...(wanted.length < unknown.length ? ["the session's PATH is left out: the image has its own"] : []),
    ...(known > 0 ? ['the values of variables stand in the pod for whoever may read it: keep keys in Secrets'] : []),
  ];
}

function workload(spec: Readonly<Record<string, unknown>>, { naming, sandboxApi, endsAtMs }: HandOverWishes): Manifest {
  const labels = labelsOf(naming);
  const metadata = { ...naming, labels };
  if (sandboxApi === undefined) return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
  const podTemplate = { metadata: { labels }, spec };
  const end = { shutdownTime: new Date(endsAtMs).toISOString(), shutdownPolicy: 'Delete' };
  return { apiVersion: `agents.x-k8s.io/${sandboxApi}`, kind: 'Sandbox', metadata, spec: { podTemplate, ...end } };
}
