import type { Secret } from '../../kit/secret.js';

/** `bearer`: a token for the Authorization header; `oauth`: one that a person logged in for. */
export interface ProviderKey {
  readonly kind: 'api-key' | 'bearer' | 'oauth';
  readonly secret: Secret;
  /** Where it came from, for people: `apiKey`, `ANTHROPIC_API_KEY`, a file's path. */
  readonly source: string;
}
