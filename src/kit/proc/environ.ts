/** NUL-separated words of `/proc/PID/cmdline`. Never throws. */
export function parseCmdline(text: string): readonly string[] {
  const words = text.split('\0');
  return words.at(-1) === '' ? words.slice(0, -1) : words;
}

/** `/proc/PID/environ`; entries without `=` are left out, and the first of a name counts, as for getenv. Never throws. */
export function parseEnviron(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const entry of parseCmdline(text)) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !variables.has(entry.slice(0, equals)))
      variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return variables;
}
