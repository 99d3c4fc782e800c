/** NUL-separated words of `/proc/PID/cmdline`. Never throws. */
export function parseCmdline(text: string): readonly string[] {
  const words = text.split('\0');
  return words.at(-1) === '' ? words.slice(0, -1) : words;
}
