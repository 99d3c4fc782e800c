import { z } from 'zod';
import { reportSchema, reportText } from '../doctor/report.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

export const checkHost = defineTool({
  name: 'check_host',
  title: 'Check the host',
  description:
    'Checks whether this host can enforce what Paddock promises: engine, versions, cgroup controllers, user namespaces, kernel ' +
    'settings, audit log; starts and removes one small sandbox to prove it. Each finding comes with a remedy.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({}),
  output: reportSchema,
  async handle(services: ToolServices, _args, { signal }) {
    const report = await services.checkHost(signal);
    return { structured: report, text: reportText(report) };
  },
});
