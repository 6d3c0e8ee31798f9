"""Far sides of the link client that are no router: a device that knows a few commands only, and worse ones. Each connection has a thread."""

import socket
import threading

GUID = "01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:00:%02X"


class Peer:
    """Listens on a free port and gives every connection to serve(). Counts connections; keeps what SEND brought."""

    def __init__(self, tls=None):
        """`tls`: an ssl.SSLContext, for a far side that speaks TLS."""
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.connections = 0
        self.sent = []      # arguments of SEND, in order
        self.commands = []  # every line
        self.waiting = []   # event lines for RETR
        self.open = []
        self.running = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.running = False
        self.listener.shutdown(socket.SHUT_RDWR)  # ends the accept of the other thread
        self.listener.close()
        with self.lock:
            for sock in self.open:
                sock.close()

    def drop_all(self):
        """Ends every connection without a word."""
        with self.lock:
            for sock in self.open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while self.running:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                self.open.append(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            if self.tls:
                plain, sock = sock, self.tls.wrap_socket(sock, server_side=True)
                with self.lock:
                    self.open[self.open.index(plain)] = sock
            self.serve(sock)
        except OSError:
            pass
        finally:
            with self.lock:
                if sock in self.open:
                    self.open.remove(sock)
            sock.close()

    def lines(self, sock):
        data = b""
        while True:
            while b"\n" in data:
                line, data = data.split(b"\n", 1)
                text = line.strip().decode("latin-1")
                with self.lock:
                    self.commands.append(text)
                yield text
            piece = sock.recv(65536)
            if not piece:
                return
            data += piece

    def serve(self, sock):
        sock.sendall(b"a device\r\n+OK\r\n")
        for line in self.lines(sock):
            answer = self.answer(line)
            sock.sendall(answer)
            if line.upper().startswith("QUIT"):
                return

    def answer(self, line):
        """Override: the bytes that answer a line."""
        raise NotImplementedError


def event(number, vscp_class=20, vscp_type=3):
    """An event line without a date, as devices write them; `number` in two data bytes."""
    return f"0,{vscp_class},{vscp_type},0,,,{GUID % 7},{number >> 8 & 255},{number & 255}"


class Device(Peer):
    """NOOP, USER, PASS, SEND, RETR, CDTA, QUIT and nothing else. `count` false: no CDTA either. Loses nothing: what RETR gave is gone, what SEND
    brought is kept before it is answered."""

    def __init__(self, user=None, count=True, refuse_send=False, greeting=b"Sensor 12\r\nv0.3\r\n+OK\r\n", tls=None):
        self.user = user
        self.count = count
        self.refuse_send = refuse_send
        self.greeting = greeting
        super().__init__(tls)

    def serve(self, sock):
        if self.greeting:
            sock.sendall(self.greeting)
        state = {"in": self.user is None, "name": ""}
        for line in self.lines(sock):
            sock.sendall(self.one(line, state))
            if line.upper() == "QUIT":
                return

    def one(self, line, state):
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if verb in ("NOOP", "QUIT"):
            return b"+OK\r\n"
        if verb == "USER" and self.user:
            state["name"] = rest
            return b"+OK\r\n"
        if verb == "PASS" and self.user:
            state["in"] = (state["name"], rest) == self.user
            return b"+OK\r\n" if state["in"] else b"-OK - wrong\r\n"
        if not state["in"]:
            return b"-OK - login first\r\n"
        if verb == "SEND":
            with self.lock:
                self.sent.append(rest)
            return b"-OK - no\r\n" if self.refuse_send else b"+OK\r\n"
        if verb == "CDTA" and self.count:
            with self.lock:
                return b"%d\r\n+OK\r\n" % len(self.waiting)
        if verb == "RETR":
            with self.lock:
                number = int(rest or "1")
                lines, self.waiting = self.waiting[:number], self.waiting[number:]
            text = "".join(line + "\r\n" for line in lines).encode()
            return text + (b"+OK\r\n" if len(lines) == number else b"-OK - no more\r\n")
        return b"-OK - what?\r\n"


class NoEnd(Peer):
    """Greets for ever."""

    def serve(self, sock):
        while self.running:
            sock.sendall(b"hello, hello, hello, hello, hello, hello, hello, hello\r\n" * 20)


class NoLineEnd(Peer):
    """Sends one line without an end."""

    def serve(self, sock):
        sock.sendall(b"+OK\r\n")
        while self.running:
            sock.sendall(b"x" * 1000)


class Refuser(Peer):
    """-OK to everything, after a good greeting."""

    def answer(self, line):
        return b"-OK - no\r\n"


class HalfLine(Peer):
    """In the receive loop, once `go` is set, it stops in the middle of a line, on the first connection for each purpose; later it is
    well."""

    def __init__(self):
        self.go = threading.Event()
        self.loops = 0
        super().__init__()

    def serve(self, sock):
        sock.sendall(b"+OK\r\n")
        for line in self.lines(sock):
            if line == "RCVLOOP":
                self.loops += 1
                sock.sendall(b"+OK\r\n")
                self.go.wait()
                if self.loops == 1:
                    sock.sendall(event(1).encode() + b"\r\n0,20,3,0,,,01:02")
                    return
                sock.sendall(event(2).encode() + b"\r\n")
            else:
                sock.sendall(b"7\r\n+OK\r\n" if line == "CHID" else b"+OK\r\n")


class Flood(Peer):
    """Sends events in the receive loop as fast as they are taken, once `go` is set."""

    def __init__(self):
        self.go = threading.Event()
        super().__init__()

    def serve(self, sock):
        sock.sendall(b"+OK\r\n")
        for line in self.lines(sock):
            if line == "RCVLOOP":
                sock.sendall(b"+OK\r\n")
                block = "".join(event(n) + "\r\n" for n in range(1000)).encode()
                self.go.wait()
                while self.running:
                    sock.sendall(block)
            else:
                sock.sendall(b"7\r\n+OK\r\n" if line == "CHID" else b"+OK\r\n")
