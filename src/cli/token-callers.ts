import type { OAuthGrant, OAuthSettings } from '../config/oauth.js';
import type { Clock } from '../kit/clock.js';
import { Bearer, issuerAway, type TokenSource } from '../mcp/http/bearer.js';
import type { Admitted } from '../mcp/http/mcp-http.js';
import { AccessTokens, type TokenClaims, TokenRefused } from '../oauth/access-token.js';
import { IssuerUnavailable } from '../oauth/fetch-json.js';
import type { IssuerKeys } from '../oauth/issuer-keys.js';
import { resourceMetadata } from '../oauth/resource-metadata.js';
import { grantFor, holderId, Scopes } from '../oauth/rights.js';
import { toolsOf } from '../tools/tool-groups.js';
import type { Rights } from './http-caller.js';

export interface TokenCallersOptions {
  readonly settings: OAuthSettings;
  readonly grants: readonly OAuthGrant[];
  readonly keys: IssuerKeys;
  readonly clock: Clock;
  /** Told of every failure to have the issuer's keys. */
  readonly onAway: (error: unknown) => void;
}

/** The holders of access tokens: who they are, and what they get. */
export class TokenCallers {
  readonly source: TokenSource;
  readonly #options: TokenCallersOptions;
  readonly #tokens: AccessTokens;
  readonly #scopes: Scopes;
  readonly #bearer: Bearer;
  /** When what each of them has is theirs no more. */
  readonly #untilMs = new Map<string, number>();

  constructor(options: TokenCallersOptions) {
    const { settings, keys, clock } = options;
    this.#options = options;
    this.#tokens = new AccessTokens(settings, keys, clock);
    this.#scopes = new Scopes(settings.scopes, toolsOf);
    const scopes = this.#scopes.all;
    this.source = { ...resourceMetadata(settings.resource, settings.issuer, scopes), firstScope: scopes[0] ?? '' };
    this.#bearer = new Bearer(this.source);
  }

  /** Who has that token; `welcome` has what is theirs at hand and returns their name here. Errors: HttpRefusal. */
  async admit(token: string, welcome: (rights: Rights) => Promise<string>): Promise<Admitted> {
    const { settings, grants } = this.#options;
    const claims = await this.#verify(token);
    const had = this.#scopes.known(claims.scopes);
    if (had.length === 0) throw this.#bearer.scope([this.source.firstScope]);
    const grant = grantFor(claims, grants);
    if (grant === undefined) throw this.#bearer.noGrant();
    const id = holderId(settings.issuer, claims.subject, grant.name);
    const untilMs = claims.expiresAtMs + settings.keepSessionsMs;
    this.#untilMs.set(id, Math.max(untilMs, this.#untilMs.get(id) ?? 0));
    // All that any scope gives is listed: a client that calls what its token lacks is told which to ask for.
    const tools = Object.values(settings.scopes).flat();
    const caller = await welcome({
      id,
      name: `oauth:${grant.name}`,
      tools,
      ceiling: grant.ceiling,
      quota: grant.quota,
      isScoped: true,
    });
    return { caller, lacks: (tool) => this.#scopes.lacking(had, tool) };
  }

  /** Whether the caller of that name has, or has had not long ago, a token that is good. */
  isGood(id: string): boolean {
    const isGood = this.#options.clock.now() < (this.#untilMs.get(id) ?? 0);
    if (!isGood) this.#untilMs.delete(id);
    return isGood;
  }

  async #verify(token: string): Promise<TokenClaims> {
    try {
      return await this.#tokens.verify(token);
    } catch (error) {
      if (error instanceof TokenRefused) throw this.#bearer.wrongToken(error.check);
      if (!(error instanceof IssuerUnavailable)) throw error;
      this.#options.onAway(error);
      throw issuerAway();
    }
  }
}
