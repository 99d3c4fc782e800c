import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A datagram socket like a syslog daemon's, which Node can't open: what arrives, a line for each, with the header cut off. */
export interface Receiver extends AsyncDisposable {
  readonly messages: readonly string[];
  /** Resolves when so many have arrived. */
  has(count: number): Promise<void>;
}

const program = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
if sys.argv[2] == "deaf": sys.stdin.read()
while True: print(s.recv(65536).decode().replace("\\n", "<newline>"), flush=True)
`;

export async function receive(path: string, mode: 'reading' | 'deaf' = 'reading'): Promise<Receiver> {
  const child = spawn('/usr/bin/python3', ['-c', program, path, mode], { stdio: ['pipe', 'pipe', 'inherit'] });
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (line) => {
    messages.push(line.replace(/^<85>\w{3} [ \d]\d [\d:]{8} paddock-audit: /, ''));
    for (const look of waiting) look();
  });
  return {
    messages,
    has: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (messages.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}
