/** What a model of ours answers to the next request that may use tools; without steps left it says "done". */
export type Step =
  | { readonly say: string }
  | { readonly write: string; readonly text: string }
  | { readonly run: string }
  /** A call of any tool, by the agent's own name for it. */
  | { readonly call: string; readonly input: Readonly<Record<string, unknown>> }
  | Fault;

/** What a model does that is ill. */
export type Fault =
  | { readonly fault: 'hang' }
  /** Text without end, until whoever asked goes away. */
  | { readonly fault: 'flood' }
  /** The connection breaks in the middle of an answer. */
  | { readonly fault: 'cut' }
  | { readonly fault: 'status'; readonly status: 400 | 401 | 429 | 500 | 529 };

export type Answer = Exclude<Step, Fault>;

/** Each answer uses as many tokens: of input, and of output. */
export const tokensPerAnswer = { input: 100, output: 20 };

export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How one provider's interface looks on the wire. */
export interface Dialect {
  readonly path: RegExp;
  readonly contentType: string;
  /** Whether the request may use tools: agents ask for titles and the like beside it. */
  usesTools(body: Body): boolean;
  /** The pieces of one streamed answer. The stream of a `flood` is `beginning`, then `more` again and again. */
  answer(answer: Answer, body: Body, id: number): readonly Uint8Array[];
  flood(body: Body, id: number): { readonly beginning: readonly Uint8Array[]; readonly more: Uint8Array };
  error(status: number): string;
}

export type Body = Readonly<Record<string, unknown>>;

export function sse(event: string | undefined, data: unknown): Uint8Array {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return Buffer.from(`${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
}

export function hasTools(body: Body): boolean {
  return Array.isArray(body['tools']) && body['tools'].length > 0;
}
