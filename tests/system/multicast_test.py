"""Multicast groups of the daemon, on the loopback interface."""

import socket
import struct
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon  # noqa: E402
from udp_case import KEY, Udp  # noqa: E402
from udp_peer import Frame, UdpPeer, decrypt, encrypt, event_frame  # noqa: E402

GROUP = "239.255.77.12"
GROUP6 = "ff01::1234"  # of one machine only


class Multicast(Udp):
    def member(self, group, port):
        """A member of the group on the loopback interface."""
        member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(member.close)
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        member.bind((group, port))
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
        member.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        member.settimeout(60)
        return member

    def free_port(self):
        with UdpPeer() as peer:
            return peer.port

    def group(self, port, **more):
        return {"interface": None, "group": f"{GROUP}:{port}", "device": "127.0.0.1", "announce": False} | more

    def daemon(self, *entries, **more):
        config = {"udp": [{"name": "here"} | {k: v for k, v in entry.items() if v is not None} for entry in entries]}
        return self.keep(Daemon(config=config, **more))

    def test_events_of_a_group_and_none_of_our_own(self):
        port = self.free_port()
        member = self.member(GROUP, port)
        routers = [self.daemon(self.group(port)) for _ in range(2)]
        readers = [self.reader(router) for router in routers]
        sender = self.keep(routers[0].login())
        sender.ok("SEND 0,20,3,0,,,-,1")
        self.assertEqual(Frame(member.recv(2048)).data, b"\1")
        self.assertEqual([reader.read_event().data for reader in readers], [[1], [1]])
        self.wait_row(routers[0], own=1, events_in=0, events_out=1)
        self.wait_row(routers[1], events_in=1, events_out=0)
        member.sendto(event_frame(20, 4, b"\2"), (GROUP, port))
        self.assertEqual(Frame(member.recv(2048)).data, b"\2")
        self.assertEqual([reader.read_event().data for reader in readers], [[2], [2]])
        for router in routers:
            self.wait_row(router, events_in=1 + routers.index(router))

    def test_announcements(self):
        port = self.free_port()
        member = self.member(GROUP, port)
        daemon = self.daemon(self.group(port, announce=True, **{"announce-interval-s": 1}))
        reader = self.reader(daemon)
        found = {}
        for _ in range(8):  # twice
            frame = Frame(member.recv(2048))
            found.setdefault((frame.vscp_class, frame.vscp_type), []).append(frame)
        self.assertEqual({key: len(frames) for key, frames in found.items()}, {(20, 9): 2, (1026, 2): 2, (0, 1): 2, (1024, 20): 2})
        self.assertEqual(found[(1026, 2)][0].data, b"test".ljust(64, b"\0"))
        capabilities = found[(1024, 20)][0]
        bits = int.from_bytes(capabilities.data[:8], "big")
        self.assertEqual(bits & (1 << 15 | 1 << 14 | 1 << 13 | 1 << 8), 1 << 15 | 1 << 13 | 1 << 8, "link, no udp, announcements, channel")
        self.assertEqual(capabilities.guid.hex(":").upper(), "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00")
        self.assertEqual(capabilities.data[8:24], capabilities.guid)
        self.assertEqual(capabilities.data[104:], struct.pack(">BHBH", 15, daemon.port, 8, port))
        self.assertLess(abs(int.from_bytes(found[(0, 1)][1].data[1:], "big") - time.time()), 600)
        self.assertGreater(found[(20, 9)][1].time_ns, found[(20, 9)][0].time_ns)
        self.wait_row(daemon, events_in=0)
        member.sendto(event_frame(20, 4), (GROUP, port))
        self.assertEqual(reader.read_event().vscp_type, 4, "our own announcements are no events")

    def test_a_group_with_a_key_and_filters(self):
        port = self.free_port()
        member = self.member(GROUP, port)
        daemon = self.daemon(self.group(port, encryption="aes128", key=KEY.hex(), filter={
            "in-filter": "0,20,0,-", "in-mask": "0,0xFFFF,0,-", "out-filter": "0,10,0,-", "out-mask": "0,0xFFFF,0,-"}))
        sender = self.keep(daemon.login())
        sender.ok("SEND 0,20,3,0,,,-")
        sender.ok("SEND 0,10,6,0,,,-")
        frame = Frame(decrypt(member.recv(2048), "aes128", KEY), is_padded=True)
        self.assertEqual((frame.vscp_class, frame.vscp_type), (10, 6))
        for data in (event_frame(20, 3), encrypt(event_frame(10, 3), "aes128", KEY), encrypt(event_frame(20, 3), "aes128", KEY)):
            member.sendto(data, (GROUP, port))
        self.wait_row(daemon, not_encrypted=1, filtered=1, events_in=1)

    def ipv6_member(self, port):
        """A member of a group that never leaves the machine, and its network interface; skips where there is no way to such a group."""
        for index, name in socket.if_nameindex():
            member = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.addCleanup(member.close)
            scope = struct.pack("@I", index)
            try:
                member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                member.bind((GROUP6, port, 0, index))
                member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, GROUP6) + scope)
                member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
                member.settimeout(1)
                member.sendto(b"here", (GROUP6, port, 0, index))
                if member.recv(10) == b"here":
                    member.settimeout(60)
                    return member, name, index
            except OSError:
                continue
        self.skipTest("no network interface here has a way to an IPv6 group")

    def test_a_group_of_ipv6(self):
        port = self.free_port()
        member, device, index = self.ipv6_member(port)
        daemon = self.daemon(self.group(port, group=f"[{GROUP6}]:{port}", device=device))
        sender, reader = self.keep(daemon.login()), self.reader(daemon)
        sender.ok("SEND 0,20,3,0,,,-,9")
        self.assertEqual(Frame(member.recv(2048)).data, b"\x09")
        self.assertEqual(reader.read_event().data, [9])
        member.sendto(event_frame(20, 4), (GROUP6, port, 0, index))
        self.assertEqual(reader.read_event().vscp_type, 4)
        self.wait_row(daemon, own=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
