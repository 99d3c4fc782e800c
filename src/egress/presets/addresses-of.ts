/**
 * The rules for addresses as tools have them in their settings: `https://name:port/…` becomes `https://name:port`. What is no such address
 * (a folder, ssh) is left out. Names are checked where rules are read.
 */
export function rulesFor(urls: readonly (string | undefined)[]): readonly string[] {
  const found = urls.flatMap((text) => {
    const url = parse(text);
    if (url === undefined) return [];
    const port = url.port || (url.protocol === 'http:' ? '80' : '443');
    return [`${url.protocol}//${url.hostname}:${port}`];
  });
  return [...new Set(found)].sort();
}

function parse(text: string | undefined): URL | undefined {
  // Cargo's sparse registries are addresses with a word before them.
  const plain = text?.trim().replace(/^(?:sparse|registry|git)\+(?=https?:)/, '') ?? '';
  if (!/^https?:\/\//i.test(plain)) return undefined;
  try {
    return new URL(plain);
  } catch {
    return undefined;
  }
}
