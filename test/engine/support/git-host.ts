import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { selfSigned } from '../../../scripts/lab/self-signed.js';
import type { SitePolicy } from '../../../src/core/site-policy.js';
import { type FakeProvider, fakeProvider } from '../../unit/egress/broker/support/fake-provider.js';
import { gitBackend } from '../../unit/egress/broker/support/git-backend.js';
import { temporaryFolder } from '../../unit/egress/broker/support/temporary-folder.js';

const repository = 'team/tool';

/** A git host on loopback with one repository, which answers nobody without its token and has a certificate that only `rules` trust. */
export class GitHost implements AsyncDisposable {
  readonly #server: FakeProvider;
  readonly #folder: AsyncDisposable;
  readonly #caFile: string;
  readonly #repository: string;
  /** What the header says after `Basic `. */
  readonly basic: string;

  private constructor(
    server: FakeProvider,
    folder: AsyncDisposable,
    places: { readonly caFile: string; readonly repository: string },
    basic: string,
  ) {
    this.#server = server;
    this.#folder = folder;
    this.#caFile = places.caFile;
    this.#repository = places.repository;
    this.basic = basic;
  }

  static async open(token: string): Promise<GitHost> {
    const folder = await temporaryFolder();
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
    const backend = await gitBackend(folder.path, repository, `Basic ${basic}`);
    const tls = selfSigned(folder.path);
    chmodSync(tls.certFile, 0o644);
    const server = await fakeProvider(backend.answer, tls);
    return new GitHost(server, folder, { caFile: tls.certFile, repository: backend.repository }, basic);
  }

  /** Under two names: one to read from, and one to push to as well; and a route to one file of it. Tokens are CODE_TOKEN and CODE_BASIC. */
  get rules(): Pick<SitePolicy['broker'], 'git' | 'routes'> {
    const upstream = new URL(this.#server.url);
    upstream.hostname = 'localhost';
    const place = { upstream: upstream.href, caFile: this.#caFile };
    const host = { ...place, token: 'CODE_TOKEN', repositories: [repository] };
    const call = { method: 'GET', path: '/team/*/HEAD' } as const;
    return {
      git: { 'read.test': { ...host, push: false }, 'write.test': { ...host, push: true } },
      routes: {
        head: {
          ...place,
          token: 'CODE_BASIC',
          header: 'authorization',
          prefix: 'Basic ',
          allow: [call],
          passHeaders: [],
        },
      },
    };
  }

  /** What was asked of it: method, path and query. */
  get asked(): readonly string[] {
    return this.#server.seen.map(({ method, url }) => `${method} ${url}`);
  }

  get authorizations(): readonly (string | undefined)[] {
    return [...new Set(this.#server.seen.map(({ headers }) => headers.authorization))];
  }

  /** The commit that a branch of the repository is at. */
  commitOf(branch: string): string {
    return execFileSync('git', ['-C', this.#repository, 'rev-parse', branch], { encoding: 'utf8' }).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}
