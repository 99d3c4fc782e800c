const wellKnown = '/.well-known/oauth-protected-resource';

/** What this server says of itself to clients that have no token yet (RFC 9728). */
export interface ResourceMetadata {
  /** Where it is, as clients see it; it goes into `WWW-Authenticate`. */
  readonly url: string;
  /** Where it is answered: with the path of the resource, and without. */
  readonly paths: ReadonlySet<string>;
  /** JSON. */
  readonly document: string;
}

export function resourceMetadata(resource: string, issuer: string, scopes: readonly string[]): ResourceMetadata {
  const { origin, pathname } = new URL(resource);
  const path = wellKnown + pathname.replace(/\/$/, '');
  const document = {
    resource,
    authorization_servers: [issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: 'Paddock',
  };
  return { url: origin + path, paths: new Set([path, wellKnown]), document: JSON.stringify(document) };
}
