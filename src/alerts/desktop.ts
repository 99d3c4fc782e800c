import { execFile } from 'node:child_process';
import type { Clock } from '../kit/clock.js';
import { rootProgram } from '../kit/root-program.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import type { OnAlert, Outlet } from './outlet.js';

const places = ['/usr/bin/notify-send', '/usr/local/bin/notify-send'];
/** What it takes to find the user's desktop, and nothing else of the environment. */
const passed = ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY', 'WAYLAND_DISPLAY', 'HOME', 'LANG'];
const timeoutMs = 5000;
/** More than so many in a minute tell a person nothing. */
const most = { count: 10, withinMs: 60_000 };

export interface DesktopOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly onAlert: OnAlert;
}

/** Undefined where there is none that is root's alone. */
export function findNotifySend(): Promise<string | undefined> {
  return rootProgram(places);
}

/** Shows alarms on the user's desktop, by `notify-send`, one after the other. */
export class Desktop implements Outlet {
  readonly #program: string;
  readonly #options: DesktopOptions;
  #times: readonly number[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(program: string, options: DesktopOptions) {
    this.#program = program;
    this.#options = options;
  }

  send(alarm: Alarm): void {
    const { clock, onAlert } = this.#options;
    const nowMs = clock.monotonic();
    this.#times = this.#times.filter((atMs) => nowMs - atMs < most.withinMs);
    if (this.#times.length >= most.count) {
      onAlert('desktop', 'dropped', 'too many notifications at once');
      return;
    }
    this.#times = [...this.#times, nowMs];
    this.#last = this.#last.then(() => this.#show(alarm));
  }

  /** Whoever shows it takes five seconds at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
  }

  #show({ kind, level, text, session }: Alarm): Promise<void> {
    const { env, onAlert } = this.#options;
    const urgency = level === 'critical' ? 'critical' : 'normal';
    const of = session === undefined ? '' : `${session}: `;
    const args = ['--app-name=Paddock', `--urgency=${urgency}`, '--', `Paddock: ${kind}`, `${of}${text}`];
    const own = Object.fromEntries(passed.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
    return new Promise((resolve) => {
      const options = { env: own, cwd: '/', timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
      execFile(this.#program, args, options, (error) => {
        onAlert('desktop', error === null ? 'ok' : 'failed', error === null ? undefined : 'notify-send failed');
        resolve();
      });
    });
  }
}
