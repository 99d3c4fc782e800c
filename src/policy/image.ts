import type { SitePolicy } from '../core/site-policy.js';
import type { ImageSpec } from '../core/spec.js';
import { hostPath, isWithin, normalised } from './paths.js';
import { plainLine } from './text.js';
import { deny } from './verdict.js';

/** The built-in image that shows the host's own /usr. */
export const hostImage = 'host';

/** What was built or loaded here has never been in a registry, so no digest of one names it. */
const localPrefix = 'localhost/';

// Grammar of the OCI distribution and Docker's reference library, with the registry required: an engine would else
// pick one by its own search list. `localhost`, a dot or a port tell a registry from a first path component.
const registry = /^(?:localhost|(?=[^/]*[.:])[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?$/;
const pathPart = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const tag = /^\w[\w.-]{0,127}$/;
const digest = /^sha256:[a-f0-9]{64}$/;

/** Decides which image may run (`image.*`, `host-folders.*`). */
export function decideImage(asked: string, folders: readonly string[] | undefined, policy: SitePolicy): ImageSpec {
  if (asked === hostImage)
    return { kind: 'host', extraFolders: (folders ?? []).map((path) => hostFolder(path, policy)) };
  if (folders !== undefined && folders.length > 0) deny('host-folders.image', `hostFolders with image ${asked}`);
  return decideReference(asked, policy);
}

/** Decides on an image from a registry, or one that was built or loaded: never `host`. */
export function decideReference(asked: string, policy: SitePolicy): ImageSpec & { readonly kind: 'reference' } {
  checkReference(asked);
  if (!isListed(asked, policy.images)) {
    deny('image.not-allowed', `image ${asked} is not listed by the site policy`);
  }
  if (policy.imageRules.pinned && !asked.startsWith(localPrefix) && !asked.includes('@')) {
    deny('image.not-pinned', `image ${asked} names no digest`);
  }
  return { kind: 'reference', reference: asked, pullAllowed: policy.pullAllowed };
}

/** Refuses everything but `registry/name:tag`, `registry/name@sha256:…` and both together. */
export function checkReference(reference: string): void {
  plainLine(reference, 'the image reference', 512, 'image.reference');
  const [named = '', digestPart, ...more] = reference.split('@');
  const slash = named.indexOf('/');
  const [host, rest] = [named.slice(0, Math.max(0, slash)), named.slice(slash + 1)];
  const [path = '', tagPart, ...tags] = rest.split(':');
  const sound =
    more.length === 0 &&
    tags.length === 0 &&
    registry.test(host) &&
    path.split('/').every((part) => pathPart.test(part)) &&
    (tagPart === undefined || tag.test(tagPart)) &&
    (digestPart === undefined || digest.test(digestPart));
  if (!sound) deny('image.reference', `not a fully qualified image reference: ${reference}`);
  if (tagPart === undefined && digestPart === undefined) {
    deny('image.reference', `image ${reference} has neither tag nor digest, which would mean latest`);
  }
}

/** Whether a reference is one of a list: exact, or beginning like an entry that ends in `*`. */
export function isListed(reference: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? reference.startsWith(pattern.slice(0, -1)) : reference === pattern,
  );
}

function hostFolder(path: string, policy: SitePolicy): string {
  const folder = normalised(hostPath(path, 'a host folder'));
  if (!policy.hostFolders.some((allowed) => isWithin(folder, normalised(allowed)))) {
    deny('host-folders.not-allowed', `host folder ${folder} is not listed by the site policy`);
  }
  return folder;
}
