"""Transcripts of the tcp/ip link protocol: their form, and how one is replayed over real sockets.

A transcript is a text file. Empty lines and lines that begin with '#' are skipped. A file may begin with settings:

    @ link {"receive-sent-events": true}     keys of the link listener
    @ user {"name": "guest", "privilege": 0} one more user; the password is "secret" unless given
    @ fresh                                  every replay needs a daemon of its own

Then come steps. Each may begin with the name of a connection (letters and digits; none means the connection ""):

    > text      send this line, with CRLF
    < text      the next line must be exactly this
    <~ regex    the next line must match this whole regular expression; named groups become variables
    <* regex    any number of lines, each of which matches
    ! open      connect, read nothing              ! close     the server must close now, with nothing before
    ! connect   connect and read the greeting      ! drop      close from this side
    ! login X   connect and log in as user X       ! wait N    poll CDTA until N events wait
    ! raw 'b'   send these bytes (Python escapes)   ! sync      what follows must not be sent before this is reached
    ! signal X  send signal X to the daemon and go on

${name} stands for a variable; ${bytes name} for the bytes of a GUID in one, in decimal with commas; ${text*count} for
`text` repeated. At the end of a transcript every connection that is
still open is left with QUIT, and nothing but the answer to it may come.

A transcript is replayed in three ways that must give the same lines: line by line; with all commands up to the next
step of another connection (or '!') in one write; and one byte per write.
"""

import ast
import re
import signal
import time
from pathlib import Path

from daemon import user
from link_client import Closed, LinkClient

MODES = ("line by line", "one write", "one byte per write")
STEP = re.compile(r"(?P<connection>[a-z0-9]*)(?P<kind>>|<~|<\*|<|!)(?: (?P<text>.*))?")


class Step:
    def __init__(self, number, connection, kind, text):
        self.number = number
        self.connection = connection
        self.kind = kind
        self.text = text

    def uses(self):
        """Names of the variables in the text."""
        return set(re.findall(r"\$\{(?:bytes )?(\w+)\}", self.text))

    def captures(self):
        return set(re.findall(r"\(\?P<(\w+)>", self.text)) if self.kind == "<~" else set()


class Transcript:
    """One parsed file: settings and steps. Raises ValueError with file and line for what it does not understand."""

    def __init__(self, path):
        self.path = Path(path)
        self.link = {}
        self.users = [user("admin")]
        self.fresh = False
        self.steps = []
        for number, line in enumerate(self.path.read_text(encoding="latin-1").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            if line.startswith("@ "):
                self._setting(number, line[2:])
                continue
            found = STEP.fullmatch(line)
            if not found:
                raise ValueError(f"{self.path.name}:{number}: not a step: {line!r}")
            self.steps.append(Step(number, found["connection"], found["kind"], found["text"] or ""))

    def _setting(self, number, text):
        word, _, rest = text.partition(" ")
        value = ast.literal_eval(rest.replace("true", "True").replace("false", "False")) if rest else None
        if word == "link":
            self.link.update(value)
        elif word == "user":
            value = {key.replace("-", "_"): entry for key, entry in value.items()}
            self.users.append(user(value.pop("name"), **value))
        elif word == "fresh":
            self.fresh = True
        else:
            raise ValueError(f"{self.path.name}:{number}: unknown setting {word!r}")

    def sent(self):
        """All command lines that the transcript sends."""
        return [step.text for step in self.steps if step.kind == ">"]

    def expected(self):
        """All lines that must come exactly."""
        return [step.text for step in self.steps if step.kind == "<"]

    def blocks(self):
        """Runs of steps whose commands may be sent together: one connection, no '!', no variable still to come."""
        block, captured = [], set()
        for step in self.steps:
            together = (block and step.kind != "!" and block[0].kind != "!"
                        and step.connection == block[0].connection and not step.uses() & captured)
            if not together:
                if block:
                    yield block
                block, captured = [], set()
            block.append(step)
            captured |= step.captures()
        if block:
            yield block


class Mismatch(AssertionError):
    """The daemon said something else than the transcript."""


class Replay:
    """One run of one transcript in one mode against a daemon that listens on `port`."""

    def __init__(self, transcript, port, mode, process=None, timeout=60.0):
        self.transcript = transcript
        self.port = port
        self.mode = mode
        self.process = process
        self.timeout = timeout
        self.connections = {}
        self.variables = {}

    def run(self):
        try:
            for block in self.transcript.blocks():
                if block[0].kind == "!":
                    self._action(block[0])
                    continue
                if self.mode == "one write":
                    data = "".join(self._fill(s.text) + "\r\n" for s in block if s.kind == ">").encode("latin-1")
                    if data:
                        self._client(block[0]).send_raw(data)
                for step in block:
                    self._step(step)
            for name, client in self.connections.items():
                self._leave(name, client)
        finally:
            for client in self.connections.values():
                client.close()

    def _fail(self, step, text):
        raise Mismatch(f"{self.transcript.path.name}:{step.number} ({self.mode}): {text}") from None

    def _fill(self, text, escape=False):
        def repeated(found):
            return found[1] * int(found[2])

        def variable(found):
            value = self.variables[found[1]]
            return re.escape(value) if escape else value

        def as_bytes(found):
            return ",".join(str(int(pair, 16)) for pair in self.variables[found[1]].split(":"))

        text = re.sub(r"\$\{([^{}*]+)\*(\d+)\}", repeated, text)
        text = re.sub(r"\$\{bytes (\w+)\}", as_bytes, text)
        return re.sub(r"\$\{(\w+)\}", variable, text)

    def _client(self, step):
        client = self.connections.get(step.connection)
        if client is None:
            self._fail(step, f"connection {step.connection!r} is not open")
        return client

    def _send(self, client, data):
        if self.mode == "one byte per write":
            for position in range(len(data)):
                client.send_raw(data[position:position + 1])
        else:
            client.send_raw(data)

    def _step(self, step):
        client = self._client(step)
        if step.kind == ">":
            if self.mode != "one write":
                self._send(client, (self._fill(step.text) + "\r\n").encode("latin-1"))
            return
        wanted = self._fill(step.text, escape=step.kind != "<")
        try:
            line = client.read_line(time.monotonic() + self.timeout)
        except Closed:
            self._fail(step, f"closed instead of {wanted!r}")
        except AssertionError as error:
            self._fail(step, f"{error} instead of {wanted!r}")
        if step.kind == "<":
            if line != wanted:
                self._fail(step, f"{line!r} instead of {wanted!r}")
            return
        found = re.fullmatch(wanted, line)
        if step.kind == "<*":
            if found:
                self._step(step)
            else:
                client.buffer = (line + "\r\n").encode("latin-1") + client.buffer
            return
        if not found:
            self._fail(step, f"{line!r} does not match {wanted!r}")
        self.variables.update(found.groupdict())

    def _action(self, step):
        verb, _, argument = step.text.partition(" ")
        if verb in ("open", "connect", "login"):
            try:
                client = LinkClient(self.port, timeout=self.timeout, greeting=verb != "open")
                self.connections[step.connection] = client
                if verb == "login":
                    client.login(argument, "secret")
            except (Closed, AssertionError, OSError) as error:
                self._fail(step, f"{verb}: {error!r}")
            return
        if verb == "signal":
            self.process.send_signal(getattr(signal, argument))
            return
        client = self._client(step)
        if verb == "close":
            try:
                rest = client.expect_closed()
            except AssertionError as error:
                self._fail(step, f"not closed: {error}")
            if rest:
                self._fail(step, f"{rest!r} before the end")
            self.connections.pop(step.connection).close()
        elif verb == "drop":
            self.connections.pop(step.connection).close()
        elif verb == "wait":
            client.wait_waiting(int(argument))
        elif verb == "raw":
            self._send(client, ast.literal_eval("b" + self._fill(argument)))
        elif verb != "sync":
            self._fail(step, f"unknown action {verb!r}")

    def _leave(self, name, client):
        client.timeout = self.timeout
        try:
            client.quit()
        except (AssertionError, OSError) as error:
            raise Mismatch(f"{self.transcript.path.name}, end of connection {name!r} ({self.mode}): {error}") from None
