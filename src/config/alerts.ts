import { z } from 'zod';
import { isLoopback } from '../kit/loopback.js';
import { Secret } from '../kit/secret.js';
import { line, path } from './quantities.js';

const webhook = line.pipe(z.string().max(2048)).superRefine((text, context) => {
  const problem = webhookProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** The table `[alerts]` (docs/monitoring.md). */
export const alerts = z.strictObject({
  webhook: webhook.optional(),
  webhook_key_file: path.optional(),
  desktop: z.boolean().optional(),
  level: z.enum(['warning', 'critical']).optional(),
});

/** Where alarms are sent on to, besides the audit log and the log. */
export interface AlertSettings {
  /** Held as a secret: many services put a token into it. */
  readonly webhook: Secret | undefined;
  /** Absolute path. */
  readonly webhookKeyFile: string | undefined;
  readonly desktop: boolean;
  /** From this on. */
  readonly level: 'warning' | 'critical';
}

/** What is wrong with a webhook's URL; undefined: nothing. Over plain HTTP whoever is between could read along and answer. */
function webhookProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is no URL';
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return 'has a name or a password in it';
  if (protocol === 'https:') return undefined;
  const isOurs = isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
  return protocol === 'http:' && isOurs ? undefined : 'is neither https: nor http: to an address of the loopback';
}

export function alertSettings(given: z.output<typeof alerts> = {}, at: (path: string) => string): AlertSettings {
  const { webhook, webhook_key_file: keyFile, desktop = false, level = 'warning' } = given;
  return {
    webhook: webhook === undefined ? undefined : new Secret(webhook),
    webhookKeyFile: keyFile === undefined ? undefined : at(keyFile),
    desktop,
    level,
  };
}
