import { execFile } from 'node:child_process';
import { hostPath } from '../../kit/host-path.js';

/** Runs one of the user's own tools and returns what it printed; undefined when it is not there, fails, or takes too long. */
export type AskTool = (
  argv: readonly [string, ...string[]],
  signal?: AbortSignal,
  /** Folders from which no program is taken, whatever PATH says: sandboxes write there. */
  projects?: readonly string[],
) => Promise<string | undefined>;

const answerWithinMs = 15_000;
const mostBytes = 1024 * 1024;

/** What settings may depend on. Nothing else of the server's environment, which may hold keys, goes to them. */
const passed =
  /^(?:HOME|PATH|USER|LOGNAME|LANG|XDG_[A-Z_]+|npm_config_\w+|NPM_CONFIG_\w+|PIP_\w+|CARGO_HOME|GO[A-Z]+|PYENV_\w+|VIRTUAL_ENV)$/;

/**
 * Asks as the user would in an empty place: from `/`, where no project's settings are. A project is written by whoever wants out of the sandbox.
 */
export function toolAsker(env: Readonly<Record<string, string | undefined>>): AskTool {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => passed.test(name)));
  return async ([program, ...args], signal, projects) => {
    const PATH = await hostPath(env, projects);
    return await new Promise((resolve) => {
      const options = {
        cwd: '/',
        env: { ...own, PATH },
        timeout: answerWithinMs,
        maxBuffer: mostBytes,
        killSignal: 'SIGKILL',
      } as const;
      execFile(program, args, { ...options, ...(signal && { signal }) }, (error, stdout) => {
        resolve(error === null ? stdout : undefined);
      }).stdin?.end();
    });
  };
}
