import { z } from 'zod';

/** What a tool gets besides its arguments. */
export interface ToolContext {
  /** Fires when the client cancels the call or goes away. */
  readonly signal: AbortSignal;
  /** Sends a progress notification, if the client asked for them. Never the only place where something is said. */
  readonly progress: (message: string) => void;
}

/** Hints for clients, as MCP defines them; never enforcement. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** Both halves of a result; each is complete by itself, since clients show the model one or the other. */
export interface ToolResult<Output> {
  readonly structured: Output;
  /** Under 8 kB, for a model to read. */
  readonly text: string;
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** One MCP tool: the schemas, the docs, the annotations and the call come from this one definition. */
export interface Tool<Services> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly annotations: ToolAnnotations;
  readonly inputSchema: JsonSchema;
  readonly outputSchema: JsonSchema;
  /** Parses the arguments and runs. Throws a ZodError on bad arguments, a PaddockError on everything else. */
  call(services: Services, args: unknown, context: ToolContext): Promise<ToolResult<Record<string, unknown>>>;
}

export interface ToolDefinition<Services, Input extends z.ZodType, Output extends z.ZodType<Record<string, unknown>>> {
  readonly name: string;
  readonly title: string;
  /** What it does, when to use it, what it returns, its limits. Static: nothing from a sandbox ever gets in here. */
  readonly description: string;
  readonly annotations: ToolAnnotations;
  readonly input: Input;
  readonly output: Output;
  handle(services: Services, args: z.output<Input>, context: ToolContext): Promise<ToolResult<z.output<Output>>>;
}

export function defineTool<Services, Input extends z.ZodType, Output extends z.ZodType<Record<string, unknown>>>(
  definition: ToolDefinition<Services, Input, Output>,
): Tool<Services> {
  const { name, title, description, annotations } = definition;
  let inputSchema: JsonSchema | undefined;
  let outputSchema: JsonSchema | undefined;
  return {
    name,
    title,
    description,
    annotations,
    // When they are asked for: a server has answered its client by then, and a test or a command may never ask.
    get inputSchema() {
      inputSchema ??= jsonSchema(definition.input, 'input');
      return inputSchema;
    },
    get outputSchema() {
      outputSchema ??= jsonSchema(definition.output, 'output');
      return outputSchema;
    },
    call: (services, args, context) => definition.handle(services, definition.input.parse(args ?? {}), context),
  };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const json: Record<string, unknown> = { ...z.toJSONSchema(schema, { io, unrepresentable: 'any' }) };
  delete json['$schema'];
  return json;
}
