/** A text as it could hide: in clear, reversed, in hex, and in base64 wherever in a longer text it stands. */
export function spellingsOf(text: string): readonly string[] {
  const both = [text, Buffer.from(text).reverse().toString()];
  return both.flatMap((one) => {
    const hex = Buffer.from(one).toString('hex');
    return [one, hex, hex.toUpperCase(), ...[0, 1, 2].map((offset) => base64At(one, offset))];
  });
}

/** The part of its base64 that does not depend on what stands around it. */
function base64At(text: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64');
  return whole.slice(offset === 0 ? 0 : 4);
}

/** Whether any of the spellings is in it. */
export function holds(where: Buffer | string, text: string): boolean {
  const bytes = Buffer.from(where);
  return spellingsOf(text).some((spelling) => bytes.includes(spelling));
}
