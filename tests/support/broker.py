"""Runs one mosquitto for a test: free port, folder of its own, clean end. It can be killed, stopped (SIGSTOP) and started again on its port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from daemon import poll


def free_port():
    """A port that nobody has now. Another process may take it before the broker does: Broker tries again."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def mosquitto_path():
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Broker:
    """`config`: more lines of mosquitto.conf; `listener`: lines that belong to the listener. `persistent`: sessions and messages
    survive the process. `websockets`: a second listener, on `ws_port`. `limits=False`: those of mosquitto itself."""

    opened = " running"  # What its log says when all its ports are open.

    def __init__(self, config="", persistent=False, listener="", anonymous=True, websockets=False, limits=True):
        self.folder = Path(tempfile.mkdtemp(prefix="vscprouter-broker-"))
        self.config = config
        self.persistent = persistent
        self.listener = listener
        self.anonymous = anonymous
        self.websockets = websockets
        self.limits = limits
        self.port = None
        self.ws_port = None
        self.process = None

    def start(self):
        """Starts it; on the port that it had before, if it had one."""
        for _ in range(5):
            port = self.port or free_port()
            ws_port = self.ws_port or (free_port() if self.websockets else None)
            self._write(port, ws_port)
            started = self._starts()
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen([mosquitto_path(), "-c", str(self.folder / "mosquitto.conf")],
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            # Not by a connection: another test's broker may have the port, and answer.
            if poll(lambda n=started: self.process.poll() is not None or self._starts() > n, 20, "mosquitto") and self.process.poll() is None:
                self.port, self.ws_port = port, ws_port
                return self
        raise AssertionError("mosquitto does not start:\n" + self.log())

    def _write(self, port, ws_port):
        lines = [f"listener {port} 127.0.0.1", self.listener, f"allow_anonymous {'true' if self.anonymous else 'false'}",
                 f"user {'root' if os.geteuid() == 0 else ''}".strip()]
        if os.geteuid() != 0:
            lines.pop()
        if self.limits:
            lines += ["max_queued_messages 0", "max_inflight_messages 1000"]
        if ws_port:
            lines += [f"listener {ws_port} 127.0.0.1", "protocol websockets"]
        if self.persistent:
            lines += ["persistence true", f"persistence_location {self.folder}/", "autosave_interval 1", "autosave_on_changes true"]
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n" + self.config + "\n")

    def _starts(self):
        """How often it has opened all its ports so far."""
        return self.log().count(self.opened) if (self.folder / "log").exists() else 0

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()
        self.process.wait(80)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *unused):
        self.remove()
