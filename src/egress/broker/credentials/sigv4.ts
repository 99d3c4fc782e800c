import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../../kit/clock.js';
import type { Secret } from '../../../kit/secret.js';
import { BrokerRefused } from '../rules.js';
import type { Authenticate, Outgoing } from '../types.js';

export interface AwsKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}

/** Credentials that may change while the server runs, as those of a role do. Asked for every request. */
export type AwsKeySource = () => Promise<AwsKey>;

interface Digesting {
  update(chunk: Uint8Array | string): unknown;
  digest(): Buffer;
}

/** Node's own SHA-256, in the form that the signer takes. */
class NodeSha256 {
  readonly #secret: Uint8Array | string | undefined;
  #hash: Digesting;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined || typeof secret === 'string' ? secret : bytesOf(secret);
    this.#hash = this.#fresh();
  }

  update(chunk: Uint8Array | string): void {
    this.#hash.update(chunk);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }

  reset(): void {
    this.#hash = this.#fresh();
  }

  #fresh(): Digesting {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** AWS Signature Version 4, by AWS's own signer. It is loaded with the first request: most servers never sign one. */
export function awsSigner(options: {
  readonly keys: AwsKeySource;
  readonly region: string;
  readonly service: string;
  readonly clock: Clock;
}): Authenticate {
  const { region, service, clock } = options;
  return async (outgoing, signal) => {
    const key = await untilAborted(options.keys(), signal);
    const { SignatureV4 } = await import('./signature-v4.js');
    const credentials = {
      accessKeyId: key.accessKeyId,
      secretAccessKey: key.secretAccessKey.reveal(),
      ...(key.sessionToken === undefined ? {} : { sessionToken: key.sessionToken.reveal() }),
    };
    const signer = new SignatureV4({ region, service, credentials, sha256: NodeSha256 });
    const signed = await signer.sign(signable(outgoing), { signingDate: new Date(clock.now()) });
    // The connection sets its own, which is the one that was signed.
    const headers = Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== 'host'));
    const secrets = [key.secretAccessKey, ...(key.sessionToken === undefined ? [] : [key.sessionToken])];
    return { headers, secrets, fingerprint: key.secretAccessKey.fingerprint };
  };
}

/** Only what has to be signed, and what changes the meaning of the body: the rest may be rewritten on the way. */
function signable({ method, url, headers, body }: Outgoing) {
  return {
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { host: url.host, 'content-type': headers['content-type'] ?? 'application/json' },
    body,
  };
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new BrokerRefused('broker.key', 'the request was over before there were AWS credentials'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
