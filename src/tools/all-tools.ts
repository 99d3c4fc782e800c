import { applyChanges } from './apply-changes.js';
import { checkHost } from './check-host.js';
import { compareSessions } from './compare-sessions.js';
import { createSession } from './create-session.js';
import type { Tool } from './define-tool.js';
import { destroySession } from './destroy-session.js';
import { discardChanges } from './discard-changes.js';
import { executeCommand } from './execute-command.js';
import { executeInSession } from './execute-in-session.js';
import { forkSession } from './fork-session.js';
import { getCommand } from './get-command.js';
import { getSession } from './get-session.js';
import { getSessionLogs } from './get-session-logs.js';
import { listFiles } from './list-files.js';
import { listSessions } from './list-sessions.js';
import { readFile } from './read-file.js';
import { reviewChanges } from './review-changes.js';
import type { ToolServices } from './services.js';
import { snapshotSession } from './snapshot-session.js';
import { stopCommand } from './stop-command.js';
import { transferFiles } from './transfer-files.js';
import { updateSession } from './update-session.js';
import { writeFile } from './write-file.js';

/** Every tool of the server, in the order clients see them. */
export const allTools: readonly Tool<ToolServices>[] = [
  createSession,
  listSessions,
  getSession,
  updateSession,
  destroySession,
  executeCommand,
  executeInSession,
  getCommand,
  stopCommand,
  readFile,
  writeFile,
  listFiles,
  transferFiles,
  getSessionLogs,
  reviewChanges,
  applyChanges,
  discardChanges,
  snapshotSession,
  forkSession,
  compareSessions,
  checkHost,
];
