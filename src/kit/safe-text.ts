// Controls but tab and newline, and format characters (bidirectional overrides, zero-width, tags): what a sandbox, an
// image or an engine can put into a message to fool a terminal or a model.
// Variation selectors but the common emoji one: sequences of them carry hidden text.
const unsafe = /(?!\t|\n|\u{fe0f})[\p{Cc}\p{Cf}\p{Variation_Selector}]/gu;

/** Foreign text made safe for a message: unsafe characters escaped visibly, cut to `maxChars`. */
export function safeText(text: string, maxChars = 500): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return cut.replace(unsafe, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Like safeText, on one line. What is far beyond the cut is not looked at: foreign text may be megabytes of blanks. */
export function safeLine(text: string, maxChars = 300): string {
  const lines = text
    .trimStart()
    .slice(0, 4 * maxChars)
    .split('\n');
  const said = lines.map((line) => line.trim()).filter((line) => line !== '');
  return safeText(said.join(' | '), maxChars);
}
