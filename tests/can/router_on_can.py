"""A router on CAN interfaces, for the tests of this folder."""

import random

import bus
from daemon import Daemon, poll

DEVICES = ("vcan0", "vcan1", "vcan2")


def guid(number):
    """Of the interface vcanNUMBER; the last two bytes are the nodes'."""
    return f"FF:FF:FF:FF:FF:FF:FF:F5:CA:00:00:00:00:{number + 1:02X}:00:00"


def node_guid(number, nickname):
    return guid(number)[:-2] + f"{nickname:02X}"


def entry(number, **more):
    return {"device": DEVICES[number], "guid": guid(number)} | {key.replace("_", "-"): value for key, value in more.items()}


def wait_joined(daemon, *devices):
    """The router receives from these interfaces: it says so, and its sockets are bound."""
    for device in devices:
        poll(lambda: figures(daemon, device)["state"] == "up", 20, f"{device} up")
        poll(lambda: bus.filtered_receivers(device) >= 1, 20, f"the router's socket on {device}")


def figures(daemon, device):
    """What the driver says about an interface."""
    return next(row for row in daemon.admin("stat")["drivers"] if row["name"] == device)


class Router(Daemon):
    """Started, and joined to its interfaces, when used as a context manager."""

    def __init__(self, *entries, **more):
        self.devices = [entry["device"] for entry in entries]
        super().__init__(config={"can": list(entries)} | more.pop("config", {}), **more)

    def start(self):
        for device in self.devices:
            bus.fresh_interface(device)
        super().start()
        wait_joined(self, *self.devices)
        return self


class Listener:
    """A link session that gets every event as it comes."""

    def __init__(self, daemon):
        self.client = daemon.login()
        self.client.ok("RCVLOOP")

    def take(self, count):
        return [self.client.read_event() for _ in range(count)]

    def frames(self, count):
        return [bus.text_of_event(event) for event in self.take(count)]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.client.close()


def send_all(client, lines):
    """Sends event lines, without waiting for each answer; all must be taken."""
    for first in range(0, len(lines), 100):
        some = lines[first:first + 100]
        client.send_raw("".join(f"SEND {line}\r\n" for line in some).encode())
        for line in some:
            reply = client.read_reply()
            assert reply[-1].startswith("+OK"), f"{line} answered {reply}"


def event_line(head, vscp_class, vscp_type, guid_text, data=()):
    return f"{head},{vscp_class},{vscp_type},0,,,{guid_text}" + "".join(f",{byte}" for byte in data)


def random_frames(count, seed):
    """(priority, hard-coded, class, type, nickname, data) of all kinds; the corners first."""
    source = random.Random(seed)
    corners = [(0, 0, 0, 0, 0, b""), (7, 1, 511, 255, 255, b"\xff" * 8), (3, 0, 256, 1, 128, b"\0" * 8)]
    return corners + [(source.randrange(8), source.randrange(2), source.randrange(512), source.randrange(256),
                       source.randrange(256), source.randbytes(source.randrange(9))) for _ in range(count - len(corners))]


def as_frame(kind):
    priority, hard_coded, vscp_class, vscp_type, nickname, data = kind
    return bus.frame_text(priority, vscp_class, vscp_type, nickname, data, hard_coded)


def as_line(kind, prefix):
    """The event line of a node whose GUID begins with `prefix`, which ends with a colon."""
    priority, hard_coded, vscp_class, vscp_type, nickname, data = kind
    return event_line(priority << 5 | hard_coded << 4, vscp_class, vscp_type, f"{prefix}{nickname:02X}", data)
