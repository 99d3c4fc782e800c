const mostCharacters = 63;

/** The nearest DNS label (RFC 1123: at most 63 of a-z, 0-9 and hyphens, none at an end); `sandbox` where nothing is left. */
export function dnsLabel(text: string): string {
  const plain = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, mostCharacters)
    .replaceAll(/^-+|-+$/g, '');
  return plain === '' ? 'sandbox' : plain;
}
