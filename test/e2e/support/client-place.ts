import { expect } from 'vitest';
import type { EngineKind } from '../../../src/engine/types.js';
import { McpClient } from './client.js';
import { leftOvers } from './left-overs.js';
import { Place } from './place.js';

/** A place with a client on its server. Disposing ends both, and fails where the server has left anything behind. */
export class ClientPlace implements AsyncDisposable {
  readonly place: Place;
  readonly mcp: McpClient;
  readonly #kind: EngineKind;

  private constructor(kind: EngineKind, place: Place, mcp: McpClient) {
    this.#kind = kind;
    this.place = place;
    this.mcp = mcp;
  }

  static async open(kind: EngineKind, env: Readonly<Record<string, string>> = {}): Promise<ClientPlace> {
    const place = await Place.make(kind);
    return new ClientPlace(kind, place, await McpClient.start(place, env));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mcp[Symbol.asyncDispose]();
    expect(await leftOvers(this.place, [this.#kind])).toEqual([]);
    await this.place[Symbol.asyncDispose]();
  }
}
