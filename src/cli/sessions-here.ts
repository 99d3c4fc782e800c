import { withApproved } from '../config/approved.js';
import { diskEffects } from '../config/effects.js';
import type { Config } from '../config/load.js';
import { version } from '../core/version.js';
import { toolAsker } from '../egress/presets/ask-tool.js';
import { ownIdentity } from '../kit/process-identity.js';
import type { SandboxMaker } from '../sandbox/maker.js';
import { Sessions } from '../session/sessions.js';
import type { SessionsOptions } from '../session/sessions-options.js';
import { Overlays } from '../workspace/overlays.js';
import { createContext } from './create-context.js';
import { callerUid } from './settings.js';

/** What a command may give to its sessions besides. */
export type SessionsWishes = Partial<
  Pick<
    SessionsOptions,
    'monitoring' | 'onQuestions' | 'onDecided' | 'traceVisit' | 'admission' | 'gate' | 'growGate' | 'sealWaitMs'
  >
>;

interface SessionsParts
  extends Pick<SessionsOptions, 'kind' | 'store' | 'audit' | 'isAlive' | 'keys' | 'lookupTurns' | 'siblings'> {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly making: Promise<SandboxMaker>;
}

/** The sessions of this process, made here. The caller disposes. */
export async function sessionsHere(
  { config, env, making, ...parts }: SessionsParts,
  wishes: SessionsWishes,
): Promise<Sessions> {
  const [maker, owner] = await Promise.all([making, ownIdentity()]);
  const policy = createContext(config);
  return new Sessions({
    ...{ ...parts, ...wishes, maker, owner, policy, version },
    currentPolicy: async () => ({ ...createContext(config), sitePolicy: await withApproved(config, callerUid()) }),
    presets: { ask: toolAsker(env), env, readText },
    overlays: new Overlays({ way: config.copyOnWrite, program: maker.init.source }),
  });
}

/** A file of the user's own tools. */
async function readText(path: string): Promise<string | undefined> {
  const file = await diskEffects.readFile(path, true).catch(() => undefined);
  return file?.text;
}
