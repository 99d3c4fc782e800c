import type { SandboxSpec } from '../core/spec.js';
import { labelsOf, type Manifest, type Naming, podLabel } from './manifest.js';
import { resourcesOf } from './pod-spec.js';

/**
 * What stands around the pod: a namespace under the restricted Pod Security Standard, an account that may do nothing and holds no token, a network policy
 * that lets nothing in or out, and a quota for one such pod that every container has to name its share of.
 */
export function surroundingsOf(spec: SandboxSpec, naming: Naming): readonly Manifest[] {
  const { namespace, name } = naming;
  const labels = labelsOf(naming);
  const metadata = { name, namespace, labels };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels, ...podSecurity } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    // Said, and not only left out: whoever gives the account more has to change these.
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: [] },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      // No rule under either direction: nothing goes in and nothing out, names included.
      spec: { podSelector: { matchLabels: { [podLabel]: name } }, policyTypes: ['Ingress', 'Egress'] },
    },
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: quotaOf(spec) } },
    { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits: [rangeOf(spec)] } },
  ];
}

const podSecurity = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/audit': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
};

function quotaOf(spec: SandboxSpec): Readonly<Record<string, string>> {
  const amounts = Object.entries(resourcesOf(spec).limits);
  return {
    pods: '1',
    ...Object.fromEntries(
      amounts.flatMap(([key, value]) => [`requests.${key}`, `limits.${key}`].map((k) => [k, value])),
    ),
    services: '0',
    secrets: '0',
    persistentvolumeclaims: '0',
  };
}

function rangeOf(spec: SandboxSpec) {
  const { limits } = resourcesOf(spec);
  return { type: 'Container', default: limits, defaultRequest: limits, max: limits };
}
