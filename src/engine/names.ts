import { EngineError, PaddockError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';

// Names go into URL paths: what is not of these shapes never gets there, so no name can reach another endpoint.
const containerRef = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/;
const execId = /^[0-9a-f]{12,64}$/;
const signalName = /^(SIG)?[A-Z][A-Z0-9+-]{1,14}$/;
const imageId = /^(sha256:)?[0-9a-f]{64}$/;
const labelFilter = /^[\w./-]{1,256}(=[^\p{Cc}]{0,4096})?$/u;
const domain = /^(localhost|[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:))(:[0-9]{1,5})?$/;
const component = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const tagAndDigest = /^([^:@]+)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;

export interface ImageReference {
  /** Domain and path, without tag and digest. */
  readonly repository: string;
  /** `latest` when neither tag nor digest was given. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

function checked(pattern: RegExp, value: string, what: string): string {
  if (pattern.test(value)) return value;
  throw new EngineError('BAD_ARGUMENT', `not a usable ${what}: "${safeLine(value, 120)}"`);
}

export const checkContainerRef = (value: string): string => checked(containerRef, value, 'container name or id');
export const checkExecId = (value: string): string => checked(execId, value, 'exec id');
export const checkSignalName = (value: string): string => checked(signalName, value, 'signal name');
export const checkLabelFilter = (value: string): string => checked(labelFilter, value, 'label filter');

/**
 * Takes a fully qualified reference apart: `domain/path[:tag][@sha256:…]`. Short names are refused, since each engine
 * resolves them its own way, Podman over several registries. Throws IMAGE_NOT_FOUND.
 */
export function parseImageReference(reference: string): ImageReference {
  const slash = reference.indexOf('/');
  const host = reference.slice(0, slash);
  const rest = tagAndDigest.exec(reference.slice(slash + 1));
  const path = rest?.[1] ?? '';
  const isWhole =
    slash > 0 && reference.length <= 512 && domain.test(host) && path.split('/').every((p) => component.test(p));
  if (!isWhole) {
    const message = `not a fully qualified image reference (like docker.io/library/debian:13): "${safeLine(reference, 120)}"`;
    throw new PaddockError('IMAGE_NOT_FOUND', message);
  }
  const digest = rest?.[3];
  return { repository: `${host}/${path}`, tag: rest?.[2] ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** A reference or an image id, as it goes into a path. */
export function imagePath(reference: string): string {
  if (imageId.test(reference)) return reference;
  const { repository, tag, digest } = parseImageReference(reference);
  return `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}
