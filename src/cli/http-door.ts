import type { KeyRing } from '../keys/key-ring.js';
import { isKeySecret } from '../keys/key-secret.js';
import { keysAway } from '../mcp/http/bearer.js';
import type { Admitted } from '../mcp/http/mcp-http.js';
import type { HttpCallers } from './http-callers.js';
import type { TokenCallers } from './token-callers.js';

/** Who gets in, by what they show. */
export interface Door {
  /** Undefined: nobody. Errors: HttpRefusal. */
  readonly admit: (secret: string) => Promise<Admitted | undefined>;
  /** Whether the caller of that name may still use anything. Errors: nobody can say now. */
  readonly isGood: (caller: string) => Promise<boolean>;
}

export interface DoorOptions {
  readonly ring: Pick<KeyRing, 'holderOf' | 'isGood'>;
  readonly tokens: TokenCallers | undefined;
  /** Whether keys are taken where tokens are. */
  readonly keysToo: boolean;
  readonly callers: Pick<HttpCallers, 'welcome'>;
  /** Told what keeps keys from being read. */
  readonly onUnreadable: (error: unknown) => void;
}

/** By keys, by access tokens, or by both: what looks like a key is never taken for a token, nor shown to what checks tokens. */
export function doorOf({ ring, tokens, keysToo, callers, onUnreadable }: DoorOptions): Door {
  const holderOf = (secret: string) =>
    ring.holderOf(secret).catch((error: unknown) => {
      onUnreadable(error);
      throw keysAway();
    });
  return {
    admit: async (secret) => {
      if (tokens !== undefined && !isKeySecret(secret)) {
        return await tokens.admit(secret, (rights) => callers.welcome(rights));
      }
      const key = keysToo ? await holderOf(secret) : undefined;
      return key === undefined ? undefined : { caller: await callers.welcome(key.grant) };
    },
    isGood: async (caller) => tokens?.isGood(caller) === true || (keysToo && (await ring.isGood(caller))),
  };
}
