import { insidePath } from './paths.js';
import { type Denied, deny, settle } from './verdict.js';

/** What is looked at in an image before a container is made of it; hostile as a whole. */
export interface ImageFacts {
  readonly env: readonly string[];
  readonly volumes: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

export type ImageVerdict =
  | {
      readonly verdict: 'allow';
      /** The image's own environment, to go under the sandbox's. */
      readonly env: Readonly<Record<string, string>>;
      /** Its declared volumes: overmount each with a sized tmpfs or have the engine ignore them. */
      readonly volumes: readonly string[];
      readonly notes: readonly string[];
    }
  | Denied;

// Up to Podman 4.5.0 these reach crun from the image's manifest: run.oci.seccomp_bpf_data replaces the filter,
// run.oci.seccomp.plugins loads a library into crun on the host, org.systemd.property.* sets unit properties.
const runtimeAnnotation = /^(?:run\.oci|io\.podman|org\.systemd|krun)(?:\.|$)/i;

const mostEntries = 1024;

/** Whether a sandbox may be made of an image, and what to take over from it. */
export function judgeImage(image: ImageFacts): ImageVerdict {
  return settle<ImageVerdict>(() => {
    const annotation = Object.keys(image.annotations).find((name) => runtimeAnnotation.test(name.trim()));
    if (annotation !== undefined) deny('image.annotation', `the image carries the annotation ${annotation}`);
    if (image.env.length > mostEntries || image.volumes.length > mostEntries) {
      deny('image.env', 'the image declares too many variables or volumes');
    }
    const notes: string[] = [];
    const env = Object.fromEntries(image.env.map(imageEnvEntry).filter(([name]) => keepName(name, notes)));
    const volumes = [...new Set(image.volumes.map((path) => insidePath(path, "an image's volume")))];
    if (volumes.length > 0) notes.push(`volumes of the image get no storage of their own: ${volumes.join(', ')}`);
    return { verdict: 'allow', env, volumes, notes };
  });
}

/** Without `=` an engine copies the variable from its own process, with `*` every one of that prefix (CVE-2026-57231). */
function imageEnvEntry(entry: string): readonly [string, string] {
  const at = entry.indexOf('=');
  const name = entry.slice(0, Math.max(0, at));
  if (at < 1 || name.includes('*')) deny('image.env', `the image has the environment entry ${entry.slice(0, 60)}`);
  if (/\p{Cc}/u.test(name) || entry.includes('\0'))
    deny('image.env', 'the image has a control character in its environment');
  return [name, entry.slice(at + 1)];
}

function keepName(name: string, notes: string[]): boolean {
  const keep = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !/^paddock_/i.test(name) && name !== '__proto__';
  if (!keep) notes.push(`left out of the image's environment: ${name.slice(0, 60)}`);
  return keep;
}
