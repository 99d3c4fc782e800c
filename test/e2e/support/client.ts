import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { type ElicitRequest, ElicitRequestSchema, type ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import { mainScript, type Place } from './place.js';

export interface Answer {
  readonly isError: boolean;
  /** What a model reads. */
  readonly text: string;
  readonly structured: Record<string, unknown>;
  /** Of an error. */
  readonly code: string | undefined;
  readonly ruleId: string | undefined;
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { progress: number; message?: string | undefined }) => void;
}

/** The person at a client: says what they answer to what they are asked. */
export type Person = (params: ElicitRequest['params']) => ElicitResult;

/** A client of the SDK on the built server. Disposing ends the server as a client does: its stdin ends. */
export class McpClient implements AsyncDisposable {
  readonly client: Client;
  readonly pid: number;
  readonly #transport: StdioClientTransport;
  #stderr = '';

  private constructor(client: Client, transport: StdioClientTransport) {
    this.client = client;
    this.#transport = transport;
    this.pid = transport.pid ?? 0;
    transport.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
  }

  /** With a person, the client says that it can ask somebody. */
  static async start(
    place: Place,
    env: Readonly<Record<string, string>> = {},
    person?: Person,
    flags: readonly string[] = [],
  ): Promise<McpClient> {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [mainScript, 'serve', ...flags],
      env: { ...place.env, ...env },
      cwd: place.project,
      stderr: 'pipe',
    });
    const capabilities = person === undefined ? {} : { elicitation: {} };
    const client = new Client({ name: 'paddock-test', version: '1.0.0' }, { capabilities });
    if (person !== undefined) client.setRequestHandler(ElicitRequestSchema, ({ params }) => person(params));
    await client.connect(transport);
    const started = new McpClient(client, transport);
    // The SDK checks structuredContent against the output schemas it has seen.
    await client.listTools();
    return started;
  }

  /** What the server wrote to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  async call(name: string, args: Record<string, unknown> = {}, options: CallOptions = {}): Promise<Answer> {
    const result = await this.client.callTool({ name, arguments: args }, undefined, { ...options, timeout: 120_000 });
    return answerOf(result);
  }

  /** Creates a session over the place's project and returns its id. */
  async create(args: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.call('create_session', args);
    if (answer.isError) throw new Error(answer.text);
    return answer.structured['sessionId'] as string;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.#transport.close();
  }
}

/** What a client makes of a result. */
export function answerOf(result: Awaited<ReturnType<Client['callTool']>>): Answer {
  const content = result.content as { type: string; text: string }[];
  const error = result._meta?.['dev.paddock/error'] as { code?: string; ruleId?: string } | undefined;
  return {
    isError: result.isError === true,
    text: content.map((part) => part.text).join('\n'),
    structured: (result.structuredContent ?? {}) as Record<string, unknown>,
    code: error?.code,
    ruleId: error?.ruleId,
  };
}
