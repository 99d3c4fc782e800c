import { z } from 'zod';

// Docker says `message`; Podman says `cause`, `message` and `response`, where `message` holds the whole chain.
const failure = z.object({ message: z.string() });

/** The engine's own words in an error body of either kind, or the body itself when it is neither. Unsafe text: escape it. */
export function engineWords(body: Buffer): string {
  const text = body.subarray(0, 4096).toString('utf8');
  try {
    const parsed = failure.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data.message : text;
  } catch {
    return text;
  }
}
