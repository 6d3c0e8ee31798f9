"""A plain blocking client of the tcp/ip link protocol for tests. It checks what every client relies on: each line ends
with CRLF, and a reply ends with exactly one line that begins with +OK or -OK."""

import re
import socket
import time

EVENT = re.compile(
    r"(?P<head>\d+),(?P<cls>\d+),(?P<type>\d+),(?P<obid>\d+),(?P<date>[^,]*),(?P<stamp>\d+),"
    r"(?P<guid>(?:[0-9A-F]{2}:){15}[0-9A-F]{2})(?:,(?P<data>\d+(?:,\d+)*))?")
GREETING = "Welcome to the VSCP daemon."
OK = "+OK - Success."


class Closed(Exception):
    """The server closed the connection."""


class Event:
    """One parsed event line of the legacy or the nanosecond form."""

    def __init__(self, line):
        found = EVENT.fullmatch(line)
        if not found:
            raise AssertionError(f"not an event line: {line!r}")
        self.line = line
        self.head = int(found["head"])
        self.priority = self.head >> 5 & 7
        self.vscp_class = int(found["cls"])
        self.vscp_type = int(found["type"])
        self.obid = int(found["obid"])
        self.date = found["date"]
        self.stamp = int(found["stamp"])
        self.guid = found["guid"]
        self.data = [int(n) for n in found["data"].split(",")] if found["data"] else []


class LinkClient:
    """One connection. All reads have a deadline of `timeout` seconds."""

    def __init__(self, port, host="127.0.0.1", timeout=60.0, greeting=True, receive_buffer=None,
                 source=None, tls=None):
        """`tls`: an ssl.SSLContext."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.timeout = timeout
        self.in_loop = False  # then a bare "+OK" is a sign of life and no reply
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.buffer = b""
        try:
            self.greeting = self.read_reply() if greeting else None
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    # -- bytes and lines ----------------------------------------------------------------------------------------

    def send_raw(self, data):
        self.socket.sendall(data)

    def send_line(self, line):
        self.socket.sendall(line.encode("latin-1") + b"\r\n")

    def read_more(self, deadline=None):
        """Reads once; raises Closed at the end of the stream, AssertionError at the deadline."""
        left = self.timeout if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing more in time; unread so far: {self.buffer[-300:]!r}")
        self.socket.settimeout(left)
        try:
            piece = self.socket.recv(1 << 18)
        except socket.timeout:
            raise AssertionError(f"nothing more in time; unread so far: {self.buffer[-300:]!r}") from None
        except ConnectionResetError:
            raise Closed() from None
        finally:
            self.socket.settimeout(self.timeout)
        if not piece:
            raise Closed()
        self.buffer += piece

    def read_line(self, deadline=None):
        """One line without its CRLF."""
        if deadline is None:
            deadline = time.monotonic() + self.timeout
        while b"\n" not in self.buffer:
            self.read_more(deadline)
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), f"line without CR: {line!r}"
        return line[:-1].decode("latin-1")

    def read_reply(self):
        """All lines up to and with the first that begins with +OK or -OK."""
        deadline = time.monotonic() + self.timeout
        lines = []
        while True:
            line = self.read_line(deadline)
            if self.in_loop and line == "+OK":
                continue
            lines.append(line)
            if line.startswith(("+OK", "-OK")):
                self._see_loop(line)
                return lines
            assert "+OK" not in line and "-OK" not in line, f"status text inside a line: {line!r}"

    def _see_loop(self, status):
        if status.startswith("+OK - Receive loop entered"):
            self.in_loop = True
        elif status.startswith("+OK - Quit receive loop"):
            self.in_loop = False

    def read_event(self):
        """The next event line; signs of life are skipped."""
        deadline = time.monotonic() + self.timeout
        while True:
            line = self.read_line(deadline)
            if line != "+OK":
                return Event(line)

    def expect_closed(self):
        """Reads until the server closes; returns what came before, as text."""
        deadline = time.monotonic() + self.timeout
        try:
            while True:
                self.read_more(deadline)
        except Closed:
            pass
        text, self.buffer = self.buffer.decode("latin-1"), b""
        return text

    # -- commands -----------------------------------------------------------------------------------------------

    def command(self, line):
        """Sends a line, returns the lines of the reply."""
        self.send_line(line)
        return self.read_reply()

    def ok(self, line):
        """Sends a line that must succeed; returns the data lines."""
        reply = self.command(line)
        assert reply[-1].startswith("+OK"), f"{line[:200]!r} answered {reply[-1]!r}"
        return reply[:-1]

    def refused(self, line, text):
        """Sends a line that must be refused with exactly this one line."""
        reply = self.command(line)
        assert reply == [text], f"{line[:200]!r} answered {reply!r}, not {text!r}"

    def login(self, name, password):
        self.ok(f"USER {name}")
        self.ok(f"PASS {password}")

    def send_event(self, vscp_class, vscp_type, data=(), head=0, guid="-"):
        self.ok(f"SEND {head},{vscp_class},{vscp_type},0,,,{guid}" + "".join(f",{n}" for n in data))

    def channel_id(self):
        return int(self.ok("CHID")[0])

    def guid(self):
        return self.ok("GGID")[0]

    def waiting(self):
        return int(self.ok("CDTA")[0])

    def wait_waiting(self, count):
        """Polls CDTA until at least `count` events wait."""
        deadline = time.monotonic() + self.timeout
        while (waiting := self.waiting()) < count:
            assert time.monotonic() < deadline, f"only {waiting} of {count} events came"
            time.sleep(0.002)
        return waiting

    def retrieve(self, count):
        """Waits for `count` events and fetches exactly them."""
        self.wait_waiting(count)
        lines = self.ok(f"RETR {count}")
        assert len(lines) == count, f"{len(lines)} lines for RETR {count}"
        return [Event(line) for line in lines]

    def quit(self):
        """Leaves as a client should: QUIT, its answer, and nothing else before the end."""
        self.send_line("QUIT")
        rest = self.expect_closed()
        assert rest == "+OK - Connection closed by client.\r\n", f"before the end came {rest[-300:]!r}"
        self.close()
