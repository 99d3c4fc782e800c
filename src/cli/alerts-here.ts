import { hostname } from 'node:os';
import { Alerts } from '../alerts/alerts.js';
import { Desktop, findNotifySend } from '../alerts/desktop.js';
import type { OnAlert, Outlet, OutletName } from '../alerts/outlet.js';
import { Webhook } from '../alerts/webhook.js';
import type { AlertSettings } from '../config/alerts.js';
import { ConfigError } from '../core/errors.js';
import { version } from '../core/version.js';
import { readSecretFile } from '../egress/broker/key-file.js';
import { systemClock } from '../kit/clock.js';
import { Secret } from '../kit/secret.js';

export interface AlertsParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For people, in the log of this process. */
  readonly warn: (text: string) => void;
  readonly onAlert?: OnAlert | undefined;
  /** Default: what `findNotifySend` finds. */
  readonly notifySend?: string;
}

const leastKeyChars = 16;

/** Where alarms are sent on to by the user's settings; nowhere unless these say so. The caller disposes. Errors: BAD_CONFIG. */
export async function openAlerts(settings: AlertSettings, parts: AlertsParts): Promise<Alerts> {
  const outlets: Outlet[] = [];
  const onAlert = toldOnce(parts);
  const { env, warn } = parts;
  const { webhook: url, webhookKeyFile, desktop, level } = settings;
  if (url !== undefined) {
    const key = webhookKeyFile === undefined ? undefined : await readWebhookKey(webhookKeyFile);
    outlets.push(new Webhook({ url, key, host: hostname(), version, clock: systemClock, onAlert }));
  }
  if (desktop) {
    const program = parts.notifySend ?? (await findNotifySend());
    if (program === undefined) warn('no notifications on the desktop: there is no notify-send in /usr (libnotify-bin)');
    else outlets.push(new Desktop(program, { env, clock: systemClock, onAlert }));
  }
  return new Alerts(outlets, level);
}

async function readWebhookKey(path: string): Promise<Secret> {
  const text = (await readSecretFile(path)).trim();
  if (text.length >= leastKeyChars) return new Secret(text);
  throw new ConfigError('BAD_CONFIG', `the file ${path} has less than ${leastKeyChars} characters`, {
    info: { file: path },
    hint: 'Make one: openssl rand -hex 32',
  });
}

/** A failure is said when it begins, not with each alarm. */
function toldOnce({ warn, onAlert }: AlertsParts): OnAlert {
  const failing = new Set<OutletName>();
  return (outlet, result, why) => {
    onAlert?.(outlet, result);
    if (result === 'ok') failing.delete(outlet);
    else if (!failing.has(outlet)) {
      failing.add(outlet);
      warn(`an alarm was not sent on: ${why ?? outlet}`);
    }
  };
}
