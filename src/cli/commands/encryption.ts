import { resolve } from 'node:path';
import { audited } from '../../audit/audited.js';
import { plain } from '../../audit/redaction.js';
import { PaddockError, toPaddockError } from '../../core/errors.js';
import { listLayers } from '../../session/layers.js';
import { shelvedIn } from '../../session/snapshot-shelf.js';
import { readKeys } from '../../workspace/sealed/key-source.js';
import { addKey } from '../../workspace/sealed/new-key.js';
import type { Sealed } from '../../workspace/sealed/sealed.js';
import { App } from '../app.js';
import type { CliCommand, CommandContext } from '../command.js';
import { report } from '../output.js';
import { snapshotsFolder } from '../session-copies.js';
import { callerUid, settingsOf } from '../settings.js';

export const encryption: CliCommand = {
  name: 'encryption',
  usage: 'encryption status | keygen FILE',
  summary: 'encryption of what is kept after sessions, and keys for it',
  mostPositionals: 2,
  options: {},
  async run(context) {
    const [action, file] = context.positionals;
    if (action === 'keygen' && file !== undefined) return keygen(context, resolve(file));
    if (action === 'status' && file === undefined) return status(context);
    throw new PaddockError('BAD_ARGUMENT', 'say status, or keygen and a file');
  },
};

/** Behind the keys that are in the file already. */
async function keygen(context: CommandContext, path: string): Promise<number> {
  await using app = new App(await settingsOf(context), context.env);
  const { name } = await audited(await app.audit(), {
    action: 'encryption.keygen',
    run: () => addKey(path, { uid: callerUid(), now: new Date() }),
    describe: (key) => ({ key: plain(key.name) }),
  });
  const what = `${path} has a new key ${name}; what is kept from now on is encrypted with it where [encryption] names that file`;
  await report(context, { path, key: name }, what);
  return 0;
}

/** What is set, whether the keys are at hand, and what there is of either kind. */
async function status(context: CommandContext): Promise<number> {
  await using app = new App(await settingsOf(context), context.env);
  const { encryption: set } = app.config;
  const isSet = [set.keyFile, set.credential, set.keyring].some((one) => one !== undefined);
  const keys = isSet ? await keysOf(app) : { names: [] };
  const layers = (await listLayers(app.store))
    .filter(({ note }) => note.kept !== undefined)
    .map(({ note }) => note.sealed);
  const counts = {
    changes: countsOf(layers, keys.names),
    snapshots: countsOf(
      (await shelvedIn(snapshotsFolder(app))).flatMap(({ snapshot }) =>
        snapshot === undefined ? [] : [snapshot.sealed],
      ),
      keys.names,
    ),
  };
  const lines = [
    set.kept ? 'what is kept after sessions is encrypted' : 'what is kept after sessions is not encrypted',
    ...(isSet
      ? [`keys: ${keys.names.join(', ') || `none (${keys.error?.code ?? ''}: ${keys.error?.message ?? ''})`}`]
      : []),
    ...Object.entries(counts).map(
      ([what, { encrypted, plain: bare, withoutKey }]) =>
        `${what}: ${encrypted} encrypted${withoutKey > 0 ? ` (${withoutKey} with a key that is not there)` : ''}, ${bare} in clear`,
    ),
  ];
  await report(
    context,
    { kept: set.kept, keys: keys.names, ...(keys.error && { error: keys.error }), ...counts },
    lines.join('\n'),
  );
  return keys.error?.exitCode ?? 0;
}

interface KeysHere {
  readonly names: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly exitCode: number };
}

async function keysOf(app: App): Promise<KeysHere> {
  try {
    const keys = await readKeys(app.config.encryption, { env: app.env, uid: callerUid() });
    return { names: keys.map(({ name }) => name) };
  } catch (thrown) {
    const { code, message, exitCode } = toPaddockError(thrown);
    return { names: [], error: { code, message, exitCode } };
  }
}

function countsOf(all: readonly (Sealed | undefined)[], names: readonly string[]) {
  const sealed = all.filter((one) => one !== undefined);
  const withoutKey = sealed.filter(({ key }) => !names.includes(key)).length;
  return { encrypted: sealed.length, plain: all.length - sealed.length, withoutKey };
}
