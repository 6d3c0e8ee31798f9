"""A CAN interface with a controller, which is this program: the kernel's driver for controllers on a serial line (slcan), and the other end of
a pseudo terminal. Unlike vcan it has error states, goes bus-off, and has a bit rate."""

import fcntl
import os
import pty
import struct
import threading
import tty
import unittest
from pathlib import Path

import bus
from daemon import poll

N_SLCAN = 17
TIOCSETD = 0x5423  # which line discipline the terminal has


def interfaces():
    return set(os.listdir("/sys/class/net"))


class Controller:
    def __init__(self):
        self.heard = b""
        self.far, self.near = pty.openpty()
        tty.setraw(self.far)
        tty.setraw(self.near)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        before = interfaces()
        try:
            fcntl.ioctl(self.near, TIOCSETD, struct.pack("i", N_SLCAN))
        except OSError as error:  # the kernel has no such line discipline
            self.close()
            raise unittest.SkipTest(f"no slcan here: {error}") from None
        self.name = poll(lambda: interfaces() - before, 10, "the interface of the serial line").pop()
        bus.ip("link", "set", "dev", self.name, "type", "can", "bitrate", "125000")
        bus.ip("link", "set", "dev", self.name, "up")

    def _listen(self):
        try:
            while piece := os.read(self.far, 4096):
                self.heard += piece
        except OSError:
            pass

    def frames(self):
        """Extended frames that were to be sent: 'ID#DATA'."""
        return [f"{line[1:9].decode()}#{line[10:].decode()}" for line in self.heard.split(b"\r") if line.startswith(b"T")]

    def receive(self, frame):
        """A frame 'ID#DATA' comes from the bus."""
        can_id, data = frame.split("#")
        self._say(f"T{can_id}{len(data) // 2}{data}")

    def enter(self, state, receive_errors=0, transmit_errors=0):
        """a: error active, w: warning, p: passive, b: bus-off."""
        self._say(f"s{state}{receive_errors:03d}{transmit_errors:03d}")

    def _say(self, text):
        os.write(self.far, text.encode() + b"\r")

    def close(self):
        """The interface is gone when this returns: its name is free for the next."""
        os.close(self.near)
        self.thread.join()  # its read ends with the near side, and would else keep the far one open
        os.close(self.far)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
