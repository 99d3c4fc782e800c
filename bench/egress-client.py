"""PORT FIRST SECOND COUNT LEAST: so many connections at once, each of which sends FIRST and, behind the first answer, SECOND (base64), and
reads to the end; fewer bytes than LEAST are an error. Prints the seconds it took and the bytes that came."""
import base64, selectors, socket, sys, time

port, first, second, count, least = int(sys.argv[1]), *map(base64.b64decode, sys.argv[2:4]), *map(int, sys.argv[4:6])
into = memoryview(bytearray(1 << 18))
chosen = selectors.DefaultSelector()
began = time.monotonic()
for _ in range(count):
    one = socket.create_connection(("127.0.0.1", port), 30)
    one.sendall(first)
    chosen.register(one, selectors.EVENT_READ, [0, second])
total, open_now = 0, count
while open_now:
    for key, _ in chosen.select():
        got = key.fileobj.recv_into(into)
        state = key.data
        state[0] += got
        if got and state[1]:
            key.fileobj.sendall(state[1])
            state[1] = b""
        if not got:
            if state[0] < least:
                sys.exit("ended early: %d bytes, the last were %r" % (state[0], bytes(into[:200])))
            total += state[0]
            open_now -= 1
            chosen.unregister(key.fileobj)
            key.fileobj.close()
print(time.monotonic() - began, total)
