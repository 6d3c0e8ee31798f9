"""A network that a test can break: a TCP relay in front of a server, on a port of its own.

Each command has taken effect when it returns. The two directions are "up", towards the server, and "down".

    hold(..)    nothing passes, neither bytes nor the end of a connection, and nothing is lost: a cut network that heals.
    lose(..)    bytes vanish and ends are not told; the connections stay. A stream with a hole stays dead after pass_on().
    strand()    the connections of now are half-open for ever; new ones work. Whatever a peer does, the other hears nothing.
    reset()     the connections of now end with RST.
    refuse()    nobody listens any more; accept() listens again, on the same port.
    delay(s)    bytes arrive s seconds later.   bandwidth(n): n bytes per second and direction; None: as fast as it goes.
    pass_on()   ends hold, lose, delay and bandwidth.
"""

import collections
import queue
import selectors
import socket
import struct
import threading
import time

BOTH = ("up", "down")
PIECE = 65536
PENDING_MAX = 1 << 20  # bytes on their way in one direction, before its source is not read any more


class _Way:
    """One direction of a connection: what was read from `source` and has not been written to `sink`."""

    def __init__(self, name, source, sink):
        self.name = name
        self.source = source
        self.sink = sink
        self.pending = collections.deque()  # (when it is due, bytes); no bytes: the end
        self.bytes = 0
        self.ended = False  # the source has ended
        self.broken = False  # bytes were lost: it never works again


class _Link:
    """One connection through the relay."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.ways = (_Way("up", client, server), _Way("down", server, client))
        self.stranded = False


class Relay:
    def __init__(self, target_port, buffer=None):
        """`buffer`: bytes that the kernel holds for a connection at most, so that a cut is felt early."""
        self.target_port = target_port
        self.buffer = buffer
        self.modes = {"up": "pass", "down": "pass"}
        self.delay_s = 0.0
        self.rate = None
        self.links = []
        self.accepted = 0
        self.passed = {"up": 0, "down": 0}
        self.free_at = {"up": 0.0, "down": 0.0}  # when the line has sent what it was given
        self.listener = None
        self.port = 0
        self.running = True
        self.selector = selectors.DefaultSelector()
        self.commands = queue.SimpleQueue()
        self.wake_read, self.wake_write = socket.socketpair()
        self.wake_read.setblocking(False)
        self._listen()
        self.thread = threading.Thread(target=self._run, daemon=True)

    # -- commands -----------------------------------------------------------------------------------------------

    def hold(self, *ways):
        self._do(lambda: self._set_mode(ways, "hold"))

    def lose(self, *ways):
        self._do(lambda: self._set_mode(ways, "lose"))

    def pass_on(self):
        def change():
            self._set_mode(BOTH, "pass")
            self.delay_s = 0.0
            self.rate = None
        self._do(change)

    def strand(self):
        def change():
            for link in self.links:
                link.stranded = True
        self._do(change)

    def reset(self):
        def change():
            for link in list(self.links):
                self._reset(link)
        self._do(change)

    def refuse(self):
        def change():
            if self.listener:
                self.listener.close()
                self.listener = None
        self._do(change)

    def accept(self):
        self._do(self._listen)

    def delay(self, seconds):
        def change():
            self.delay_s = seconds
        self._do(change)

    def bandwidth(self, bytes_per_s):
        def change():
            self.rate = bytes_per_s
        self._do(change)

    def connections(self):
        """How many connections pass, stranded ones left out."""
        return self._do(lambda: sum(not link.stranded for link in self.links))

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        if self.thread.is_alive():
            self._do(self._end)
            self.thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def _end(self):
        self.running = False

    def _do(self, action):
        """Runs `action` on the relay's thread."""
        done = queue.SimpleQueue()
        self.commands.put((action, done))
        self.wake_write.send(b"x")
        result, error = done.get()
        if error:
            raise error
        return result

    # -- the relay's thread -------------------------------------------------------------------------------------

    def _listen(self):
        if self.listener:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self.listener = listener

    def _set_mode(self, ways, mode):
        for way in ways or BOTH:
            self.modes[way] = mode

    def _run(self):
        try:
            while self.running:
                self._turn()
        finally:
            for link in self.links:
                link.client.close()
                link.server.close()
            if self.listener:
                self.listener.close()
            self.selector.close()
            self.wake_read.close()
            self.wake_write.close()

    def _turn(self):
        wanted, until = self._interests()
        self._register(wanted)
        timeout = None if until is None else max(until - time.monotonic(), 0)
        for key, events in self.selector.select(timeout):
            if key.fileobj is self.wake_read:
                self.wake_read.recv(PIECE)
            elif key.fileobj is self.listener:
                self._take_client()
            elif events & selectors.EVENT_READ:
                self._read(*key.data)
        for link in list(self.links):
            self._write(link)
        while not self.commands.empty():
            action, done = self.commands.get()
            try:
                done.put((action(), None))
            except Exception as error:  # the caller raises it
                done.put((None, error))

    def _mode(self, link, way):
        return "lose" if link.stranded or way.broken else self.modes[way.name]

    def _interests(self):
        """Which sockets to watch for what, and when the next byte is due."""
        wanted = {self.wake_read: (selectors.EVENT_READ, None)}
        if self.listener:
            wanted[self.listener] = (selectors.EVENT_READ, None)
        until = None
        now = time.monotonic()
        for link in self.links:
            for way in link.ways:
                mode = self._mode(link, way)
                if not way.ended and mode != "hold" and way.bytes < PENDING_MAX:
                    events = wanted.get(way.source, (0, None))[0]
                    wanted[way.source] = (events | selectors.EVENT_READ, (link, way))
                if way.pending and mode == "pass":
                    due = way.pending[0][0]
                    if due > now:
                        until = due if until is None else min(until, due)
                    else:
                        events, data = wanted.get(way.sink, (0, None))
                        wanted[way.sink] = (events | selectors.EVENT_WRITE, data)
        return wanted, until

    def _register(self, wanted):
        for fileobj, key in list((key.fileobj, key) for key in self.selector.get_map().values()):
            if fileobj not in wanted:
                self.selector.unregister(fileobj)
            elif (key.events, key.data) != wanted[fileobj]:
                self.selector.modify(fileobj, *wanted[fileobj])
        known = {key.fileobj for key in self.selector.get_map().values()}
        for fileobj, (events, data) in wanted.items():
            if fileobj not in known:
                self.selector.register(fileobj, events, data)

    def _take_client(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        self.accepted += 1
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), 5)
        except OSError:
            if "pass" in self.modes.values():  # nobody listens behind us either
                self._abort(client)
            else:
                self.links.append(self._stranded(client))
            return
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.links.append(_Link(client, server))

    @staticmethod
    def _stranded(client):
        """A connection to nobody: the server has gone, and the network does not say so."""
        client.setblocking(False)
        server, _ = socket.socketpair()
        server.setblocking(False)
        link = _Link(client, server)
        link.stranded = True
        return link

    def _read(self, link, way):
        try:
            data = way.source.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = None
        if not data:
            way.ended = True
        if self._mode(link, way) == "lose":
            way.broken = True
            return
        now = time.monotonic()
        due = now + self.delay_s
        if self.rate and data:
            self.free_at[way.name] = max(self.free_at[way.name], now) + len(data) / self.rate
            due += self.free_at[way.name] - now
        way.pending.append((due, data))
        way.bytes += len(data) if data else 0

    def _write(self, link):
        for way in link.ways:
            while way.pending and self._mode(link, way) == "pass" and way.pending[0][0] <= time.monotonic():
                data = way.pending[0][1]
                if data is None:
                    self._reset(link)
                    return
                if not data:
                    way.pending.popleft()
                    try:
                        way.sink.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                    continue
                try:
                    sent = way.sink.send(data)
                except BlockingIOError:
                    break
                except OSError:
                    way.pending.clear()  # its reader has gone, which the other direction tells
                    way.broken = True
                    break
                self.passed[way.name] += sent
                way.bytes -= sent
                if sent == len(data):
                    way.pending.popleft()
                else:
                    way.pending[0] = (way.pending[0][0], data[sent:])
        if all(way.ended and not way.pending for way in link.ways):
            self._close(link)

    def _close(self, link):
        self.links.remove(link)
        link.client.close()
        link.server.close()

    def _reset(self, link):
        self.links.remove(link)
        for sock in (link.client, link.server):
            self._abort(sock)

    @staticmethod
    def _abort(sock):
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        sock.close()
