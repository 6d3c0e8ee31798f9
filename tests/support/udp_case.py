"""What tests of UDP share: a daemon with entries of "udp", peers, and what the daemon tells of them."""

import unittest

from daemon import Daemon, poll
from udp_peer import UdpPeer

KEY = bytes(range(32))
REFUSALS = ("not_allowed", "rate_limited", "oversized", "bad_type", "not_encrypted", "bad_encryption", "undecipherable",
            "bad_size", "bad_crc", "bad_content", "filtered", "duplicates", "own", "no_room")


class Udp(unittest.TestCase):
    def keep(self, thing):
        """Entered now, left when the test is over: last first."""
        return self.enterContext(thing)

    def daemon(self, *entries, **more):
        config = {"udp": [{"name": "here", "interface": "127.0.0.1:0"} | entry for entry in entries]}
        return self.keep(Daemon(config=config | more.pop("config", {}), **more))

    def peer(self, **more):
        return self.keep(UdpPeer(**more))

    def reader(self, daemon):
        client = self.keep(daemon.login())
        client.ok("RCVLOOP")
        return client

    def addresses(self, daemon):
        """Where the entries listen, in order."""
        line = next(part for part in daemon.stdout().split("Ready: ")[1].split(", ") if part.startswith("udp "))
        return [(text.rpartition(":")[0].strip("[]"), int(text.rpartition(":")[2])) for text in line.split()[1:]]

    def address(self, daemon):
        return self.addresses(daemon)[0]

    def row(self, daemon, name="here"):
        return next(row for row in daemon.admin("stat")["drivers"] if row["driver"] == "udp" and row["name"] == name)

    def refused(self, daemon, name="here"):
        return {key: value for key, value in self.row(daemon, name).items() if key in REFUSALS}

    def wait_row(self, daemon, name="here", **expected):
        def is_there():
            row = self.row(daemon, name)
            return all(row.get(key, 0) == value for key, value in expected.items())
        try:
            poll(is_there, what=str(expected))
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.row(daemon, name)}") from None
