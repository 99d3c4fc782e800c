import { Client } from 'undici';
import { codeOf } from '../kit/error-code.js';

/** Reads a small JSON document. Errors: IssuerUnavailable. */
export type FetchJson = (url: string) => Promise<unknown>;

/** The issuer's keys are not to be had, so that nothing can be said of any token. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable';
}

const mostBytes = 256 * 1024;

/**
 * By https alone, so that nobody in between can give keys of their own. Redirects are not followed: where the keys are is what
 * the site said, or what the issuer says of itself. `ca`: PEM of certificates that are believed besides those of Node.
 */
export function fetchJson(ca: readonly string[] | undefined, wholeMs = 5000): FetchJson {
  return async (text) => {
    const url = new URL(text);
    if (url.protocol !== 'https:') throw new IssuerUnavailable(`${url.host} is not asked without TLS`);
    const connect = { timeout: wholeMs, ...(ca === undefined ? {} : { ca: [...ca] }) };
    // A connection for each: hours may lie between two of them.
    const client = new Client(url.origin, { connect, maxHeaderSize: 16 * 1024, maxResponseSize: mostBytes });
    try {
      const { statusCode, body } = await client.request({
        ...{ method: 'GET', path: `${url.pathname}${url.search}`, headers: { accept: 'application/json' } },
        signal: AbortSignal.timeout(wholeMs),
      });
      if (statusCode !== 200) {
        body.on('error', () => undefined).destroy();
        throw new IssuerUnavailable(`${url.host} answered with status ${statusCode}`);
      }
      return await body.json();
    } catch (cause) {
      if (cause instanceof IssuerUnavailable) throw cause;
      const why = cause instanceof SyntaxError ? 'what it sent is no JSON' : (codeOf(cause) ?? 'no answer in time');
      throw new IssuerUnavailable(`${url.host} could not be asked: ${why}`, { cause });
    } finally {
      await client.destroy();
    }
  };
}
