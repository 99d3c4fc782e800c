import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { RecordedRequest } from './steps.js';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * The Authorization header that AWS would expect of a request to Bedrock as it came in: reckoned again from its method, path, body and those
 * headers that it names as signed. Throws where it has none.
 */
export async function awsAuthorization(
  { method, path, headers, body }: RecordedRequest,
  credentials: Credentials,
  region: string,
): Promise<string> {
  const [, names = ''] = /SignedHeaders=([a-z0-9;-]+),/.exec(headers['authorization'] ?? '') ?? [];
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers['x-amz-date'] ?? '') ?? [];
  if (names === '' || year === undefined) throw new Error(`${path} is not signed`);
  const signer = new SignatureV4({ region, service: 'bedrock', credentials, sha256: Sha256 });
  const url = new URL(path, 'http://provider');
  const signed = await signer.sign(
    {
      ...{ method, body, protocol: 'http:', hostname: 'provider', path: url.pathname },
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(names.split(';').map((name) => [name, headers[name] ?? ''])),
    },
    { signingDate: new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) },
  );
  return signed.headers['authorization'] ?? '';
}

class Sha256 {
  readonly #hash: { update(data: Uint8Array | string): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('one is used once');
  }
}
