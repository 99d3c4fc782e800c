import { PaddockError } from '../../core/errors.js';
import type { ProviderId } from '../../core/providers.js';
import { Secret } from '../../kit/secret.js';
import { keyArgumentsSchema, type SecretName, secretNames } from '../../policy/key-arguments.js';

/** What a caller gave for the credential broker. Printing it gives no key away. */
export interface GivenKeys {
  readonly secrets: Readonly<Partial<Record<SecretName, Secret>>>;
  readonly awsProfile?: string | undefined;
  readonly awsRegion?: string | undefined;
  readonly useBedrock?: boolean | undefined;
  readonly bedrockModel?: string | undefined;
  readonly bedrockSmallModel?: string | undefined;
}

export const noKeys: GivenKeys = { secrets: {} };

const names: readonly string[] = Object.keys(keyArgumentsSchema.shape);

/**
 * Takes the keys out of a create request, before anything judges, digests or keeps it; what they are for is added to its `providers`.
 * Errors: BAD_ARGUMENT, which names the argument and never what it held.
 */
export function takeKeys(request: unknown): { readonly request: unknown; readonly keys: GivenKeys } {
  if (typeof request !== 'object' || request === null || !names.some((name) => Object.hasOwn(request, name))) {
    return { request, keys: noKeys };
  }
  const entries = Object.entries(request);
  const parsed = keyArgumentsSchema.safeParse(Object.fromEntries(entries.filter(([name]) => names.includes(name))));
  if (!parsed.success) {
    // Without the cause: what a parser keeps of its input is nobody's promise.
    const [issue] = parsed.error.issues;
    throw new PaddockError('BAD_ARGUMENT', `${issue?.path.join('.') ?? 'a key'}: ${issue?.message ?? 'not valid'}`);
  }
  const { awsProfile, awsRegion, useBedrock, bedrockModel, bedrockSmallModel, ...texts } = parsed.data;
  const secrets = Object.fromEntries(
    secretNames.flatMap((name) => (texts[name] === undefined ? [] : [[name, new Secret(texts[name].trim())]])),
  );
  const keys = { secrets, awsProfile, awsRegion, useBedrock, bedrockModel, bedrockSmallModel };
  const rest: Record<string, unknown> = Object.fromEntries(entries.filter(([name]) => !names.includes(name)));
  return { request: withProviders(rest, meant(keys)), keys };
}

/** The providers that the keys are for. */
/** What a profile of AWS's settings opens, and which program it starts for that, is the operator's to say. Errors: BAD_ARGUMENT. */
export function refuseProfile({ awsProfile }: GivenKeys): void {
  if (awsProfile === undefined) return;
  throw new PaddockError('BAD_ARGUMENT', 'awsProfile names settings of the user who runs this server', {
    hint: 'Leave it out, or give awsAccessKeyId and awsSecretAccessKey of your own.',
  });
}

function meant({ secrets, awsProfile, useBedrock }: GivenKeys): readonly ProviderId[] {
  const has = (...some: readonly SecretName[]) => some.some((name) => secrets[name] !== undefined);
  const found: readonly (readonly [ProviderId, boolean])[] = [
    ['anthropic', has('apiKey', 'authToken')],
    ['openai', has('openaiApiKey')],
    ['google', has('googleApiKey')],
    [
      'bedrock',
      useBedrock === true || awsProfile !== undefined || has('awsAccessKeyId', 'awsSecretAccessKey', 'awsSessionToken'),
    ],
  ];
  return found.flatMap(([id, isMeant]) => (isMeant ? [id] : []));
}

/** What is no list is left to policy, which refuses it. */
function withProviders(request: Record<string, unknown>, added: readonly ProviderId[]): unknown {
  const { providers = [] } = request;
  if (added.length === 0 || !Array.isArray(providers)) return request;
  return { ...request, providers: [...new Set<unknown>([...(providers as unknown[]), ...added])] };
}
