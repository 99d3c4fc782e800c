import { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import { safeText } from '../kit/safe-text.js';
import { SessionFiles } from '../session/files.js';
import { defineTool } from './define-tool.js';
import { fileStatus, insidePath, viewStatus } from './file-fields.js';
import type { ToolServices } from './services.js';

const mostBytes = 2 * 1024 ** 2;

export const writeFile = defineTool({
  name: 'write_file',
  title: 'Write a file of a session',
  description:
    'Writes a whole file in the session, at most 2 MiB, text or base64. It takes its place at once and whole: nobody inside sees half of ' +
    'it, and when anything goes wrong what was there stays. Replaces what is there unless overwrite is false; keeps its mode.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    path: insidePath,
    content: z.string(),
    encoding: z.enum(['utf8', 'base64']).optional().describe('Of content; default utf8.'),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/)
      .optional()
      .describe('Octal, such as 0755.'),
    parents: z.boolean().optional().describe('Make the folders on the way.'),
    overwrite: z.boolean().optional().describe('Default true; false: refuse when it is there.'),
  }),
  output: z.object({ sessionId: z.string(), path: z.string(), ...fileStatus, replaced: z.boolean() }),
  async handle(services: ToolServices, args, { signal }) {
    const { sessionId, path, parents = false, overwrite = true } = args;
    const session = services.sessions.get(sessionId);
    const content = decode(args.content, args.encoding ?? 'utf8');
    const mode = args.mode === undefined ? undefined : Number.parseInt(args.mode, 8);
    const options = { mode, parents, overwrite, signal };
    const { status, wasThere } = await new SessionFiles(session).write(path, content, options);
    const structured = { sessionId: session.id, path, ...viewStatus(status), replaced: wasThere };
    const how = wasThere ? 'replaced' : 'created';
    return { structured, text: `${safeText(path)}: ${how}, ${structured.sizeBytes} bytes, mode ${structured.mode}` };
  },
});

function decode(content: string, encoding: 'utf8' | 'base64'): Buffer {
  // Told before all of it is looked at.
  const leastBytes = encoding === 'base64' ? Math.floor((content.length * 3) / 4) - 2 : content.length;
  if (leastBytes > mostBytes) throw tooLong(`at least ${leastBytes}`);
  const isWrong =
    encoding === 'base64'
      ? content.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(content)
      : /\p{Cs}/u.test(content);
  if (isWrong) throw new PaddockError('BAD_ARGUMENT', `content is no ${encoding}`);
  const bytes = Buffer.from(content, encoding);
  if (bytes.length > mostBytes) throw tooLong(String(bytes.length));
  return bytes;
}

function tooLong(bytes: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', `content has ${bytes} bytes, the most is ${mostBytes}`);
}
