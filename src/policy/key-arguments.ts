import { z } from 'zod';

/** A key ends up in a header; what could not stand there is refused here. No message of the schema quotes what was given. */
const key = z
  .string()
  .max(8192)
  .regex(/^\s*[\x21-\x7e]{1,8192}\s*$/, 'is empty, or holds what no key holds');
const name = z
  .string()
  .max(256)
  .regex(/^[\w.:/@+-]+$/, 'is no name');

const kept = 'It stays in this process: nothing in the sandbox, no file and no log has it.';

/** What `create_session` takes besides the request that policy judges. The command line has none of them: others see its arguments. */
export const keyArgumentsSchema = z.strictObject({
  apiKey: key.optional().describe(`Anthropic API key for the session's credential broker. ${kept}`),
  authToken: key.optional().describe('Anthropic token, sent as a bearer, instead of apiKey; likewise.'),
  openaiApiKey: key.optional().describe('OpenAI API key; likewise.'),
  googleApiKey: key.optional().describe('Google Gemini API key; likewise.'),
  awsAccessKeyId: key.optional().describe('AWS access key id for Bedrock; likewise.'),
  awsSecretAccessKey: key.optional().describe('AWS secret access key; likewise.'),
  awsSessionToken: key.optional().describe('AWS session token, where the key is a temporary one; likewise.'),
  awsProfile: name.optional().describe("Profile of this user's AWS settings whose credentials are used for Bedrock."),
  awsRegion: name.optional().describe('AWS region of Bedrock; default: as AWS tools find it here.'),
  useBedrock: z.boolean().optional().describe('Reach Claude through Amazon Bedrock.'),
  bedrockModel: name.optional().describe('Bedrock model or inference profile of agent runs.'),
  bedrockSmallModel: name.optional().describe('The same for small tasks.'),
});

export type KeyArgumentName = keyof typeof keyArgumentsSchema.shape;

export const secretNames = [
  'apiKey',
  'authToken',
  'openaiApiKey',
  'googleApiKey',
  'awsAccessKeyId',
  'awsSecretAccessKey',
  'awsSessionToken',
] as const satisfies readonly KeyArgumentName[];
export type SecretName = (typeof secretNames)[number];
