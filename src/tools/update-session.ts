import { z } from 'zod';
import { updateRequestSchema } from '../policy/request.js';
import { updateReport, updateText } from '../session/update-report.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

export const updateSession = defineTool({
  name: 'update_session',
  title: 'Change a running session',
  description:
    'Gives a running session more or less time (lifetime from its creation, or endsIn from now; idleTimeout) and other limits ' +
    '(memory, cpus, cpuShares, pids, disk), up to the ceilings of the site policy; what is left out stays, and so do the sizes of /tmp and ' +
    'other tmpfs. All of it is done or none. Changed limits are read back from the kernel and reported as in get_session. Less ' +
    'memory than the session holds now, or less disk than it has added, is refused.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64), ...updateRequestSchema.shape }),
  output: updateReport,
  async handle(services: ToolServices, { sessionId, ...request }, { signal }) {
    const report = await services.sessions.update(sessionId, request, signal);
    return { structured: report, text: updateText(report) };
  },
});
