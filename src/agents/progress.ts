/** The parts of a tool's input that tell what it does, by the names that agents have for them. */
const telling = ['command', 'cmd', 'file_path', 'filePath', 'path', 'pattern', 'query', 'url', 'description'] as const;

const verbs: Readonly<Record<string, string>> = {
  write: 'writes',
  write_file: 'writes',
  edit: 'edits',
  replace: 'edits',
  multiedit: 'edits',
  notebookedit: 'edits',
  read: 'reads',
  read_file: 'reads',
};

/** A line like "runs Bash: npm test" or "writes src/a.ts". The caller makes it safe and short. */
export function toolLine(tool: string, input: unknown): string {
  const detail = tellingPart(input);
  const key = tool.toLowerCase();
  const verb = Object.hasOwn(verbs, key) ? verbs[key] : undefined;
  if (verb !== undefined && detail !== undefined) return `${verb} ${detail}`;
  return detail === undefined ? `runs ${tool}` : `runs ${tool}: ${detail}`;
}

function tellingPart(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  for (const name of telling) {
    const value: unknown = Object.hasOwn(input, name) ? (input as Record<string, unknown>)[name] : undefined;
    if (typeof value === 'string' && value !== '') return value.slice(0, 1000);
  }
  return undefined;
}
