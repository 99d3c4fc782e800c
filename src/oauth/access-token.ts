import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Clock } from '../kit/clock.js';
import type { IssuerKeys } from './issuer-keys.js';

/** What a token failed at; for the log and the audit log, never for who sent it. */
export type TokenCheck =
  | 'malformed'
  | 'algorithm'
  | 'key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'type'
  | 'expired'
  | 'not-yet'
  | 'claims';

/** A token that nothing is given for. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly check: TokenCheck;

  constructor(check: TokenCheck, cause?: unknown) {
    super(`the token was refused: ${check}`, { cause });
    this.check = check;
  }
}

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** None of them with a shared secret. */
  readonly algorithms: readonly string[];
  /** Whether it has to say `at+jwt` (RFC 9068): without that an ID token for the same audience would do. */
  readonly typed: boolean;
  readonly skewMs: number;
  readonly longestMs: number;
}

/** What a good token says. */
export interface TokenClaims {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** From when on it is good no more, in epoch milliseconds. */
  readonly expiresAtMs: number;
  readonly all: Readonly<Record<string, unknown>>;
}

const texts = z.union([
  z.string().transform((text) => text.split(' ').filter((one) => one !== '')),
  z.array(z.string()),
]);
const claimsSchema = z.looseObject({
  sub: z.string().min(1).max(256),
  exp: z.number(),
  iat: z.number(),
  scope: texts.optional(),
  /** What some issuers call it. */
  scp: texts.optional(),
});

/** Verifies access tokens that are JWTs (RFC 7519, 9068). Nothing of one is believed before its signature is. */
export class AccessTokens {
  readonly #rules: TokenRules;
  readonly #keys: IssuerKeys;
  readonly #clock: Clock;

  constructor(rules: TokenRules, keys: IssuerKeys, clock: Clock) {
    this.#rules = rules;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Errors: TokenRefused, IssuerUnavailable. */
  async verify(token: string): Promise<TokenClaims> {
    const parsed = claimsSchema.safeParse(await this.#payload(token));
    if (!parsed.success) throw new TokenRefused('claims');
    const { sub: subject, exp, iat, scope = [], scp = [] } = parsed.data;
    const expiresAtMs = Math.min(exp * 1000, iat * 1000 + this.#rules.longestMs);
    return { subject, scopes: [...scope, ...scp], expiresAtMs, all: parsed.data };
  }

  async #payload(token: string): Promise<unknown> {
    const { issuer, audience, algorithms, typed, skewMs, longestMs } = this.#rules;
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, {
        ...{ issuer, audience, algorithms: [...algorithms] },
        ...(typed ? { typ: 'at+jwt' } : {}),
        // `iat` is asked for by the last of them.
        ...{ requiredClaims: ['exp', 'sub'], clockTolerance: skewMs / 1000, maxTokenAge: longestMs / 1000 },
        currentDate: new Date(this.#clock.now()),
      });
      return payload;
    } catch (error) {
      // A key that can't be used at all is no JOSEError: an RSA key that is too short, a point that is on no curve.
      if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) {
        throw new TokenRefused(checkOf(error), error);
      }
      throw error;
    }
  }
}

const byCode: Readonly<Record<string, TokenCheck>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JWKS_NO_MATCHING_KEY: 'key',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
};

const byClaim: Readonly<Record<string, TokenCheck>> = {
  iss: 'issuer',
  aud: 'audience',
  typ: 'type',
  exp: 'expired',
  nbf: 'not-yet',
};

function checkOf(error: Error): TokenCheck {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason !== 'check_failed') return 'claims';
    return error.claim === 'iat' ? 'not-yet' : (byClaim[error.claim] ?? 'claims');
  }
  return error instanceof errors.JOSEError ? (byCode[error.code] ?? 'malformed') : 'key';
}
