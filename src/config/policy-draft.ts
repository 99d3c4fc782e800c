import { ConfigError } from '../core/errors.js';
import type { SitePolicy } from '../core/site-policy.js';

/** How a policy is being built: the values so far, where each came from, and how to complain about the next. */
export interface PolicyDraft {
  policy: SitePolicy;
  readonly origins: Map<string, string>;
  readonly homeDir: string;
}

/** `~/x` under the home folder, without double or trailing slashes. */
export function expandHome(path: string, homeDir: string): string {
  const parts = path.replace(/^~(?=\/|$)/, homeDir).split('/');
  return `/${parts.filter((part) => part !== '' && part !== '.').join('/')}`;
}

/** Complains of a value that a file, a variable or a flag may not have under the policy so far. Errors: BAD_CONFIG. */
export function loosens(key: string, asked: unknown, allowed: unknown, origin: string): never {
  const shown = Array.isArray(allowed) ? `[${allowed.join(', ')}]` : String(allowed);
  throw new ConfigError('BAD_CONFIG', `${origin}: ${key}: ${String(asked)} is looser than the policy's ${shown}`, {
    info: { key, asked: String(asked), allowed: shown, origin },
    hint: 'Ask for no more than the site policy allows; only the policy file can raise it.',
  });
}
