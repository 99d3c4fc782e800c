import { createServer, type Socket } from 'node:net';

/** The outside of bench:egress, a process of its own: whoever sends something gets `bytes` bytes, behind headers where it was a GET. */
const bytes = Number(process.argv[2]);
const piece = Buffer.alloc(64 * 1024);

function send(socket: Socket, left: number): void {
  if (left === 0) socket.end();
  else if (!socket.destroyed)
    socket.write(piece.subarray(0, left), () => send(socket, left - Math.min(left, piece.length)));
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (first) => {
    if (first.toString('latin1', 0, 4) === 'GET ') socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
    send(socket, bytes);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
process.once('disconnect', () => process.exit());
