import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { Role, RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { LimitRange, Namespace, Pod, ResourceQuota, ServiceAccount } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import type { SandboxSpec } from '../../../src/core/spec.js';
import { type HandOverWishes, handOver } from '../../../src/kube/hand-over.js';
import type { Manifest } from '../../../src/kube/manifest.js';
import { dnsLabel } from '../../../src/kube/names.js';
import { gib, specOf } from '../policy/support/context.js';

/** Each checks its object against the schema that Kubernetes publishes. */
const kinds = { Namespace, ServiceAccount, Role, RoleBinding, NetworkPolicy, ResourceQuota, LimitRange, Pod };

function check(manifest: Manifest): void {
  const kind = kinds[manifest.kind as keyof typeof kinds];
  new kind(structuredClone(manifest) as never).validate();
}

function made(spec: SandboxSpec, changes: Partial<HandOverWishes> = {}) {
  return handOver(spec, {
    naming: { name: 'one', namespace: 'space' },
    image: 'registry.example/agent:1',
    argv: [],
    seccompProfile: 'paddock/default-amd64.json',
    endsAtMs: Date.UTC(2030, 0, 1),
    ...changes,
  });
}

function find(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

const spec = specOf({
  memory: '2g',
  cpus: 1.5,
  disk: '10g',
  env: { GREETING: 'a $(HOME) b', PRICE: '$$(HOME) $$5 $! $' },
});

describe('the manifests of a plan', () => {
  it('are what the published schemas ask for', () => {
    const { manifests } = made(spec);
    expect(manifests.map(({ kind }) => kind)).toEqual([
      'Namespace',
      'ServiceAccount',
      'Role',
      'RoleBinding',
      'NetworkPolicy',
      'ResourceQuota',
      'LimitRange',
      'Pod',
    ]);
    for (const manifest of manifests) check(manifest);
  });

  it('are refused by those schemas where a field has another type', () => {
    const pod = find(made(spec).manifests, 'Pod');
    const wrong = { ...pod, spec: { ...(pod['spec'] as object), hostPID: 'no' } };
    expect(() => check(wrong as Manifest)).toThrow(/hostPID/);
  });

  it('keep the hardening: no rights, no token, no names, a root that can not be written, our filter', () => {
    expect(find(made(spec).manifests, 'Pod')['spec']).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostNetwork: false,
      hostPID: false,
      hostIPC: false,
      hostUsers: false,
      dnsPolicy: 'None',
      restartPolicy: 'Never',
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: 'Localhost', localhostProfile: 'paddock/default-amd64.json' },
      },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            privileged: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  it('carry the limits, as requests too, and a quota that one such pod fills', () => {
    const { manifests } = made(spec);
    const amounts = { cpu: '1500m', memory: String(2 * gib), 'ephemeral-storage': String(10 * gib) };
    expect(find(manifests, 'Pod')['spec']).toMatchObject({
      activeDeadlineSeconds: spec.lifetimeMs / 1000,
      containers: [{ resources: { requests: amounts, limits: amounts } }],
    });
    expect(find(manifests, 'ResourceQuota')['spec']).toMatchObject({
      hard: { pods: '1', 'requests.cpu': '1500m', 'limits.memory': String(2 * gib) },
    });
    expect(find(manifests, 'LimitRange')['spec']).toMatchObject({ limits: [{ type: 'Container', max: amounts }] });
  });

  it('give a sized place in memory for every tmpfs, the shared memory, and one on the disk for the project', () => {
    const { manifests } = made({ ...spec, workspace: 'cow' });
    const pod = find(manifests, 'Pod')['spec'] as { volumes: { name: string; emptyDir: object }[] };
    expect(pod.volumes.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ''))).toEqual([
      ...spec.tmpfs.map(({ target }) => dnsLabel(`one${target}`)),
      'one-dev-shm',
      'one-workspace',
    ]);
    const sized = pod.volumes.every(({ emptyDir }) => 'sizeLimit' in emptyDir);
    expect(sized).toBe(true);
  });

  it('give no two places one name, of the same pod or of another, whatever a session and its places are called', () => {
    const volumesOf = (name: string, targets: readonly string[]) => {
      const tmpfs = targets.map((target) => ({
        ...{ target, sizeBytes: 1, mode: 0o700, executable: false, ownedByUser: true },
      }));
      const { manifests } = made({ ...spec, tmpfs }, { naming: { name, namespace: 'space' } });
      const pod = find(manifests, 'Pod');
      check(pod);
      return (pod['spec'] as { volumes: { name: string }[] }).volumes.map((volume) => volume.name);
    };
    const long = 'a'.repeat(63);
    const all = [
      ...volumesOf('one', ['/a/b', '/a-b', '/a.b', `/${long}/x`, `/${long}/y`]),
      ...volumesOf('one-a', ['/b']),
      ...volumesOf(long, ['/tmp', '/var/tmp']),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((name) => name.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])$/.test(name))).toBe(true);
    expect(volumesOf('one', ['/a'])).toEqual(volumesOf('one', ['/a']));
  });

  it('let nothing in and nothing out, by a policy that finds the pod', () => {
    const { manifests } = made(spec);
    const labels = find(manifests, 'Pod').metadata.labels;
    const policy = find(manifests, 'NetworkPolicy')['spec'];
    expect(policy).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/instance': 'one' } },
      policyTypes: ['Ingress', 'Egress'],
    });
    expect(labels).toMatchObject({ 'app.kubernetes.io/instance': 'one' });
  });

  it('mean values of variables as they stand', () => {
    const pod = find(made(spec).manifests, 'Pod')['spec'] as { containers: { env: object[] }[] };
    expect(pod.containers[0]?.env).toContainEqual({ name: 'GREETING', value: 'a $$(HOME) b' });
    // Each pair stands for one, and one before anything else for itself.
    expect(pod.containers[0]?.env).toContainEqual({ name: 'PRICE', value: '$$$$(HOME) $$$$5 $! $' });
  });

  it('are a Sandbox with the same pod and the same end where that is asked for', () => {
    const { manifests } = made(spec, { sandboxApi: 'v1beta1' });
    const { spec: podSpec } = find(made(spec).manifests, 'Pod');
    expect(find(manifests, 'Sandbox')).toMatchObject({
      apiVersion: 'agents.x-k8s.io/v1beta1',
      spec: { podTemplate: { spec: podSpec }, shutdownTime: '2030-01-01T00:00:00.000Z', shutdownPolicy: 'Delete' },
    });
    expect(manifests.some(({ kind }) => kind === 'Pod')).toBe(false);
  });

  it('say what is not carried over: processes, the project, paths, places, models, variables', () => {
    const open = { allow: ['example.com:443'], connections: 1, bytes: 1, bytesPerSecond: 1 };
    const mount = { hostPath: '/a', target: '/b', readOnly: true, purpose: 'extra' } as const;
    const full: SandboxSpec = { ...spec, workspace: 'cow', egress: open, providers: ['anthropic'], mounts: [mount] };
    const text = made(full, { unknownVariables: ['TOKEN'] }).notes.join('\n');
    for (const word of ['podPidsLimit', '/workspace', '1 paths', '1 places', 'models', 'TOKEN', 'kubelet']) {
      expect(text).toContain(word);
    }
    const none = made({ ...spec, workspace: 'none' }).notes.join('\n');
    for (const word of ['/workspace', 'places', 'models', 'TOKEN']) expect(none).not.toContain(word);
  });
});

describe('a name for a cluster', () => {
  it.each([
    ['My Session', 'my-session'],
    ['--x--', 'x'],
    ['ünder_score.', 'nder-score'],
    ['***', 'sandbox'],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ])('%s becomes %s', (text, label) => {
    expect(dnsLabel(text)).toBe(label);
  });
});
