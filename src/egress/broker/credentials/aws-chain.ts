import { Secret } from '../../../kit/secret.js';
import { BrokerRefused } from '../rules.js';
import type { AwsKeySource } from './sigv4.js';

/**
 * Credentials as AWS's own tools find them, in this process's environment and home: variables, profile files (with SSO, roles and
 * `credential_process`), web identity, then the role of the container or instance. It keeps what it found until that expires, and is loaded with
 * the first request.
 */
export function awsChain(options: { readonly profile?: string } = {}): AwsKeySource {
  let chain: (() => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>) | undefined;
  return async () => {
    try {
      if (chain === undefined) {
        const { defaultProvider } = await import('./provider-chain.js');
        chain = defaultProvider(options.profile === undefined ? {} : { profile: options.profile });
      }
      const found = await chain();
      return {
        accessKeyId: found.accessKeyId,
        secretAccessKey: new Secret(found.secretAccessKey),
        sessionToken: found.sessionToken === undefined ? undefined : new Secret(found.sessionToken),
      };
    } catch (cause) {
      throw new BrokerRefused('broker.key', 'no AWS credentials were found where AWS tools look for them', { cause });
    }
  };
}
