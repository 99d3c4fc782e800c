import { type Answer, type Body, hasTools } from './steps.js';

/** A tool call as the agent that asked knows it. */
export interface ToolCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

type Kind = 'write' | 'run';
type Make = (first: string, text: string) => Readonly<Record<string, unknown>>;

/** What agents call writing a file and running a command, and how the input looks. */
const known: Readonly<Record<string, readonly [Kind, Make]>> = {
  Write: ['write', (file_path, content) => ({ file_path, content })],
  write: ['write', (filePath, content) => ({ filePath, content })],
  write_file: ['write', (file_path, content) => ({ file_path, content })],
  Bash: ['run', (command) => ({ command, description: 'a step' })],
  bash: ['run', (command) => ({ command, description: 'a step' })],
  run_shell_command: ['run', (command) => ({ command })],
  exec_command: ['run', (cmd) => ({ cmd })],
  shell_command: ['run', (command) => ({ command })],
  shell: ['run', (command) => ({ command: ['sh', '-c', command] })],
};

/** The call that an answer makes with the tools that a request offers; undefined for one that only says something. */
export function toolCall(answer: Answer, body: Body): ToolCall | undefined {
  if ('say' in answer) return undefined;
  if ('call' in answer) return { name: answer.call, input: answer.input };
  if ('run' in answer) return made('run', body, answer.run, '');
  // An agent that has nothing but a shell writes by it.
  const shell = () => made('run', body, `cat >'${answer.write}' <<'END'\n${answer.text}\nEND`, '');
  return made('write', body, answer.write, answer.text) ?? shell();
}

function made(kind: Kind, body: Body, first: string, text: string): ToolCall | undefined {
  const name = toolNames(body).find((offered) => Object.hasOwn(known, offered) && known[offered]![0] === kind);
  return name === undefined ? undefined : { name, input: known[name]![1](first, text) };
}

/** The names of the tools that a request offers, as each interface lists them. */
function toolNames(body: Body): string[] {
  if (!hasTools(body)) return [];
  return (body['tools'] as readonly Offered[]).flatMap((tool) =>
    (tool.functionDeclarations ?? [tool.function ?? tool]).map((own) => own.name ?? ''),
  );
}

interface Offered {
  readonly name?: string;
  readonly function?: { readonly name?: string };
  readonly functionDeclarations?: readonly { readonly name?: string }[];
}
