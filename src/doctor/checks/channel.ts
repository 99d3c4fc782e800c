import { maxSocketPathBytes } from '../../session/control/socket.js';
import { type DoctorCheck, type DoctorContext, type Finding, fail, pass, warn } from '../context.js';

/** Whether it works is shown by the canary, which goes the same way. */
export const channelCheck: DoctorCheck = {
  id: 'channel',
  title: 'Commands go over a channel of their own',
  run: ({ commands }) => Promise.resolve(judge(commands)),
};

function judge(commands: DoctorContext['commands']): Finding {
  const spareBytes = maxSocketPathBytes - Buffer.byteLength(commands.socketPath);
  if (spareBytes < 0) {
    return fail(
      `the path of a session's control socket would be ${-spareBytes} bytes too long (${commands.socketPath})`,
      'Set `runtime_dir` to a shorter path in config.toml.',
    );
  }
  if (commands.path === 'fifo') return pass(`over pipes in ${commands.folder}`);
  if (commands.path === 'attach') return pass("over the engine's attach stream");
  return warn(
    "by the engine's exec, which is slower and cannot end what a command started by itself",
    'Set `channel = "fifo"` in config.toml, or unset PADDOCK_CHANNEL.',
  );
}
