import { resolve } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { type Suggestion, suggestionsOf } from '../../egress/lock-files/suggestions.js';
import { codeOf } from '../../kit/error-code.js';
import { isReachable } from '../../policy/network.js';
import { type CliCommand, text } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';

/** What is printed is allowed by nobody yet: a project is written by anybody. */
export const network: CliCommand = {
  name: 'network',
  usage: 'network suggest [--project DIR]',
  summary: 'what the lock files of a project name, to be allowed by you or not',
  mostPositionals: 1,
  options: { project: { type: 'string', help: 'the project (default: the working directory)' } },
  async run(context) {
    const [action] = context.positionals;
    if (action !== 'suggest') throw new PaddockError('BAD_ARGUMENT', 'say suggest');
    const project = resolve(text(context, 'project') ?? '.');
    const { list, isComplete } = await suggestionsOf(project, context.signal).catch((error: unknown) => {
      throw unreadable(project, error);
    });
    const { egress } = (await settingsOf(context)).sitePolicy;
    const suggestions = list.map((one) => ({ ...one, isInPolicy: isReachable(one.allow, egress.allow) }));
    await report(context, { project, suggestions, isComplete }, said(suggestions, isComplete));
    return 0;
  },
};

interface Judged extends Suggestion {
  readonly isInPolicy: boolean;
}

function said(list: readonly Judged[], isComplete: boolean): string {
  if (list.length === 0) return 'the lock files at the top of this project name nothing that could be reached';
  const rows = list.map(({ allow, files, isInPolicy }) => [allow, isInPolicy ? 'yes' : 'no', files.join(', ')]);
  const lines = [
    table([['ALLOW', 'IN THE POLICY', 'NAMED BY'], ...rows]),
    'Nothing of this is allowed by being named. Allow what you trust: `--allow` for a session; what the policy lacks goes into its list first.',
    ...(isComplete ? [] : ['There is more than is shown: the files are large, or name very much.']),
  ];
  return lines.join('\n');
}

function unreadable(project: string, cause: unknown): unknown {
  if (codeOf(cause) === undefined) return cause;
  return new PaddockError('BAD_ARGUMENT', `${project} can't be opened as a folder (${codeOf(cause)})`, { cause });
}
