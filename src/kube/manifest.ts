/** One Kubernetes object, ready to be written as YAML or JSON. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What all objects of one hand-over are called by. */
export interface Naming {
  /** A DNS label (RFC 1123). */
  readonly name: string;
  readonly namespace: string;
}

/** By which the network policy finds the pod. */
export const podLabel = 'app.kubernetes.io/instance';

/** The labels Kubernetes recommends; nothing of the session's caller is in them. */
export function labelsOf({ name }: Naming): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'paddock-sandbox',
    [podLabel]: name,
    'app.kubernetes.io/managed-by': 'paddock',
  };
}
