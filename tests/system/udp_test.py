"""UDP of the daemon, with peers that make their frames themselves."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, is_sanitized, poll  # noqa: E402
from udp_case import KEY, Udp  # noqa: E402
from udp_peer import CONFIRM, UdpPeer, confirm_frame, crc16, encrypt, event_frame  # noqa: E402

GUID = bytes(range(1, 17))


class Exchange(Udp):
    def check_in(self, daemon, peer, frame, reader, send=None):
        peer.send_raw(send, self.address(daemon)) if send else peer.send(frame, self.address(daemon))
        return reader.read_event()

    def test_both_frame_types_come_in(self):
        daemon = self.daemon({"allow": "127.0.0.1"})
        peer, reader = self.peer(), self.reader(daemon)
        for kind in (0, 1):
            for size in (0, 1, 8, 487, 512):
                found = self.check_in(daemon, peer, event_frame(10, 6, bytes(i & 255 for i in range(size)), GUID, 0x60, kind=kind), reader)
                self.assertEqual((found.vscp_class, found.vscp_type, found.priority), (10, 6, 3))
                self.assertEqual(found.data, [i & 255 for i in range(size)])
                self.assertEqual(found.guid, ":".join(f"{b:02X}" for b in GUID))
                self.assertEqual(found.date, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_795_000_000)))
        self.assertEqual(self.refused(daemon), {})

    def test_both_frame_types_go_out(self):
        for kind in (0, 1):
            with self.subTest(kind=kind):
                peer = self.peer()
                daemon = self.daemon({"peers": [{"name": "p", "address": peer.address, "frame-type": kind}]})
                sender = self.keep(daemon.login())
                sender.ok("SEND 96,10,6,0,2026-11-22T01:02:03Z,1000,00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F,1,2,3")
                found, source = peer.receive()
                self.assertEqual(source[1], self.address(daemon)[1])
                self.assertEqual((found.kind, found.vscp_class, found.vscp_type, found.data), (kind, 10, 6, b"\1\2\3"))
                self.assertEqual(found.guid, bytes(range(16)))
                self.assertEqual(found.head & 0xE0, 0x60)
                if kind == 0:
                    self.assertEqual(found.date, (2026, 11, 22, 1, 2, 3))
                else:
                    self.assertEqual(found.time_ns // 10**9, 1795309323)
                self.wait_row(daemon, "here p", events_out=1, queued=0)

    def test_every_key_size_both_ways(self):
        for name in ("aes128", "aes192", "aes256"):
            with self.subTest(name):
                peer = self.peer(encryption=(name, KEY))
                daemon = self.daemon({"peers": [{"name": "p", "address": peer.address, "encryption": name, "key": KEY.hex()}]})
                reader = self.reader(daemon)
                for size in (0, 7, 10, 11, 25, 26, 512):
                    plain = event_frame(10, 6, bytes(size), GUID)
                    for padding in ("least", "upstream", "firmware"):
                        found = self.check_in(daemon, peer, None, reader, encrypt(plain, name, KEY, padding))
                        self.assertEqual(len(found.data), size)
                sender = self.keep(daemon.login())
                for size in (1, 10, 11, 12, 26, 400):
                    sender.ok("SEND 0,20,3,0,,,-," + ",".join(["7"] * size))
                    found, _ = peer.receive()
                    self.assertEqual(found.data, b"\7" * size)
                self.assertEqual(self.refused(daemon, "here p"), {})

    def test_a_peer_does_not_get_its_own_events_and_others_do(self):
        one, two = self.peer(), self.peer(host="127.0.0.2")
        daemon = self.daemon({"interface": "0.0.0.0:0", "peers": [{"name": "one", "address": one.address},
                                                                  {"name": "two", "address": two.address}]})
        to = ("127.0.0.1", self.address(daemon)[1])
        one.send(event_frame(20, 3, b"1"), to)
        self.assertEqual(two.receive()[0].data, b"1")
        two.send(event_frame(20, 3, b"2"), to)
        self.assertEqual(one.receive()[0].data, b"2")

    def test_order_is_kept_and_nothing_is_lost_at_a_pace(self):
        peer = self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": peer.address}]})
        reader, sender = self.reader(daemon), self.keep(daemon.login())
        for start in range(0, 2000, 100):
            for number in range(start, start + 100):
                peer.send(event_frame(20, 3, struct.pack(">H", number), time_ns=10**18 + number), self.address(daemon))
            for number in range(start, start + 100):
                self.assertEqual(reader.read_event().data, [number >> 8, number & 255])
            sender.send_raw("".join(f"SEND 0,20,4,0,,,-,{n >> 8},{n & 255}\r\n" for n in range(start, start + 100)).encode())
            for number in range(start, start + 100):
                self.assertEqual(peer.receive()[0].data, struct.pack(">H", number))
            for number in range(start, start + 100):  # the reader gets them too
                self.assertEqual(reader.read_event().vscp_type, 4)

    def test_filters_in_and_out(self):
        peer, other = self.peer(), self.peer(host="127.0.0.2")
        daemon = self.daemon({"interface": "0.0.0.0:0", "peers": [
            {"name": "p", "address": peer.address, "filter": {"in-filter": "0,20,0,-", "in-mask": "0,0xFFFF,0,-"}},
            {"name": "o", "address": other.address, "receive": False,
             "filter": {"out-filter": "0,10,0,-", "out-mask": "0,0xFFFF,0,-"}}]})
        to = ("127.0.0.1", self.address(daemon)[1])
        reader, sender = self.reader(daemon), self.keep(daemon.login())
        peer.send(event_frame(10, 1), to)
        peer.send(event_frame(20, 2), to)
        self.assertEqual(reader.read_event().vscp_type, 2)
        self.wait_row(daemon, "here p", filtered=1, events_in=1)
        sender.ok("SEND 0,20,5,0,,,-")
        sender.ok("SEND 0,10,6,0,,,-")
        self.assertEqual(other.receive()[0].vscp_type, 6)
        other.send(event_frame(20, 7), to)
        self.wait_row(daemon, "here o", not_allowed=1, events_in=0)

    def test_ipv6(self):
        peer = self.peer(host="::1")
        daemon = self.daemon({"interface": "[::1]:0", "peers": [{"name": "p", "address": peer.address}]})
        reader, sender = self.reader(daemon), self.keep(daemon.login())
        peer.send(event_frame(20, 3, b"x"), self.address(daemon))
        self.assertEqual(reader.read_event().data, [120])
        sender.ok("SEND 0,20,4,0,,,-")
        self.assertEqual(peer.receive()[0].vscp_type, 4)

    def test_one_socket_for_ipv4_and_ipv6(self):
        four, six = self.peer(), self.peer(host="::1")
        daemon = self.daemon({"interface": "0", "peers": [{"name": "4", "address": four.address}, {"name": "6", "address": six.address}]})
        port = self.address(daemon)[1]
        sender = self.keep(daemon.login())
        sender.ok("SEND 0,20,4,0,,,-")
        for peer, host in ((four, "127.0.0.1"), (six, "::1")):
            self.assertEqual(peer.receive()[0].vscp_type, 4)
            peer.send(event_frame(20, 9), (host, port))
        for name in "46":
            self.wait_row(daemon, "here " + name, events_in=1)


class BadInput(Udp):
    def check_refused(self, daemon, peer, name="here p", **expected):
        """What was sent is counted as expected, and a good event still comes in."""
        self.wait_row(daemon, name, **expected)
        self.assertEqual(self.refused(daemon, name), expected)
        self.assertEqual(self.row(daemon, name)["events_in"], 0)

    def test_plain_frames(self):
        peer = self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": peer.address}]})
        to, frame = self.address(daemon), event_frame(10, 6, b"1234", GUID)
        expected = {}

        def send(reason, data):
            peer.send_raw(data, to)
            expected[reason] = expected.get(reason, 0) + 1
            if sum(expected.values()) % 64 == 0:  # a socket's buffer holds no more for sure
                self.wait_row(daemon, "here p", **expected)

        for size in range(len(frame)):
            send("bad_size", frame[:size])
        for extra in (b"\0", bytes(100)):
            send("bad_size", frame + extra)
        for at in range(1, len(frame)):  # the size field is looked at first
            damaged = frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1:]
            send("bad_size" if at in (34, 35) else "bad_crc", damaged)
        for first in range(256):
            if first in (0x00, 0x10):
                continue
            send("bad_encryption" if first & 15 else "bad_size" if first == 0xF0 else "bad_type", bytes([first]))
        for size in (578, 1400, 1800, 1808, 1809, 2048, 9000, 65000):
            send("oversized", frame + bytes(size - len(frame)))
        send("bad_content", b"\0" + self.bad_date())
        send("bad_type", confirm_frame(frame))  # nobody waits for one
        self.check_refused(daemon, peer, **expected)
        reader = self.reader(daemon)
        peer.send(frame, to)
        self.assertEqual(reader.read_event().data, [49, 50, 51, 52])

    @staticmethod
    def bad_date():
        """The body of a frame of type 0 on the 31st of February."""
        body = event_frame(kind=0)[1:-2]
        body = body[:6] + struct.pack(">HBBBBB", 2026, 2, 31, 0, 0, 0) + body[13:]
        return body + struct.pack(">H", crc16(body))

    def test_encrypted_frames(self):
        peer = self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": peer.address, "encryption": "aes192", "key": KEY.hex()}]})
        to, frame = self.address(daemon), event_frame(10, 6, b"1234", GUID)
        good = encrypt(frame, "aes192", KEY)
        peer.send_raw(frame, to)
        peer.send_raw(encrypt(frame, "aes192", bytes(32)), to)
        peer.send_raw(encrypt(frame, "aes128", KEY), to)
        peer.send_raw(encrypt(frame, "aes256", KEY), to)
        peer.send_raw(good[:-16], to)               # without its vector, the last block is taken for it
        peer.send_raw(good + bytes(16), to)         # the vector is the wrong one
        peer.send_raw(good[:-1], to)
        peer.send_raw(good[:30], to)
        peer.send_raw(bytes([good[0] & 0xF0]) + good[1:], to)
        peer.send_raw(bytes([good[0] | 0xF0]) + good[1:], to)  # an event is no reply
        no_crc = bytearray(event_frame(10, 6, b"1234", GUID, head=8))
        no_crc[-2:] = b"\xaa\x55"
        peer.send_raw(encrypt(bytes(no_crc), "aes192", KEY), to)
        self.check_refused(daemon, peer, not_encrypted=2, undecipherable=5, bad_encryption=3, bad_size=1)
        reader = self.reader(daemon)
        peer.send_raw(good, to)
        self.assertEqual(reader.read_event().data, [49, 50, 51, 52])

    def test_plain_frames_are_taken_too_if_so_configured(self):
        peer = self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": peer.address, "encryption": "aes128", "key": KEY.hex(),
                                         "require-encryption": False}]})
        reader = self.reader(daemon)
        for data in (event_frame(20, 3), encrypt(event_frame(20, 4), "aes128", KEY)):
            peer.send_raw(data, self.address(daemon))
        self.assertEqual([reader.read_event().vscp_type for _ in range(2)], [3, 4])

    def test_senders_that_nobody_knows(self):
        known, stranger, neighbour = self.peer(), self.peer(host="127.0.0.2"), self.peer(host="127.0.3.7")
        daemon = self.daemon({"interface": "0.0.0.0:0", "peers": [{"name": "p", "address": known.address}], "allow": ["127.0.3.0/24"]})
        to = ("127.0.0.1", self.address(daemon)[1])
        reader = self.reader(daemon)
        for vscp_type, sender in ((1, stranger), (2, known), (3, neighbour), (4, stranger)):
            sender.send(event_frame(20, vscp_type), to)
        self.assertEqual([reader.read_event().vscp_type for _ in range(2)], [2, 3])
        self.wait_row(daemon, not_allowed=2, events_in=1)
        self.wait_row(daemon, "here p", events_in=1)
        self.assertEqual(self.row(daemon)["events_out"], 0)

    def test_a_peer_may_send_from_any_port(self):
        peer, other = self.peer(), self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": peer.address}]})
        other.send(event_frame(20, 3), self.address(daemon))
        self.wait_row(daemon, "here p", events_in=1)

    def test_a_rate_for_each_address(self):
        peer = self.peer()
        daemon = self.daemon({"allow": "127.0.0.0/8", "max-source-rate": 20})
        for _ in range(200):
            peer.send(event_frame(20, 3), self.address(daemon))
        poll(lambda: self.row(daemon)["events_in"] + self.row(daemon).get("rate_limited", 0) == 200, what="200 datagrams")
        self.assertLess(self.row(daemon)["events_in"], 100)

    def test_a_peer_that_has_gone(self):
        gone = self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": gone.address}], "allow": "127.0.0.2", "interface": "0.0.0.0:0"})
        to = ("127.0.0.1", self.address(daemon)[1])
        gone.close()  # from here on the system answers that nobody is there
        sender, other, reader = self.keep(daemon.login()), self.peer(host="127.0.0.2"), self.reader(daemon)
        for number in range(50):
            sender.ok(f"SEND 0,20,3,0,,,-,{number}")
            self.assertEqual(reader.read_event().data, [number])
            other.send(event_frame(20, 4, bytes([number])), to)
            self.assertEqual(reader.read_event().data, [number])
        self.wait_row(daemon, "here p", events_out=100, queued=0)
        with UdpPeer() as back:
            back.close()
            back.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            back.socket.bind(("127.0.0.1", gone.port))
            back.socket.settimeout(60)
            sender.ok("SEND 0,20,5,0,,,-")
            self.assertEqual(back.receive()[0].vscp_type, 5)


class Flood(Udp):
    def test_a_flood_costs_memory_of_a_bound_and_nobody_waits(self):
        """Everything that can be wrong, as fast as it goes, from a peer, an allowed address and a stranger."""
        daemon = self.daemon({"interface": "0.0.0.0:0", "peers": [{"name": "p", "address": "127.0.0.1:9"}], "allow": ["127.0.0.2"]})
        to = ("127.0.0.1", self.address(daemon)[1])
        frame = event_frame(20, 9, bytes(100))
        kinds = [frame, frame[:-1], frame[:50] + b"x" + frame[51:], b"", bytes(1500), bytes(60000), bytes([0x13]) + bytes(500)]
        end = threading.Event()

        def flood(host):
            with UdpPeer(host=host) as peer:
                while not end.is_set():
                    for data in kinds:
                        peer.send_raw(data, to)

        def memory():
            return int(next(line for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
                            if line.startswith("VmRSS")).split()[1])

        threads = [threading.Thread(target=flood, args=(f"127.0.0.{n}",)) for n in (1, 2, 3)]
        reader, sender = self.reader(daemon), self.keep(daemon.login())
        reader.ok("QUITLOOP")
        reader.ok("SFLT 0,10,0,-")
        reader.ok("SMSK 0,0xFFFF,0,-")
        reader.ok("RCVLOOP")
        for thread in threads:
            thread.start()
        try:
            for number in range(200):
                sender.ok(f"SEND 0,10,6,0,,,-,{number}")
                self.assertEqual(reader.read_event().data, [number])
            middle = memory()
            for number in range(200):
                sender.ok(f"SEND 0,10,6,0,,,-,{number}")
                self.assertEqual(reader.read_event().data, [number])
            if not is_sanitized():
                self.assertLess(memory() - middle, 64 << 10)
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.assertGreater(self.row(daemon).get("not_allowed", 0), 0)
        for reason in ("bad_size", "bad_crc", "oversized", "bad_encryption"):
            self.assertGreater(self.row(daemon, "here p").get(reason, 0), 0, reason)


class Confirmations(Udp):
    def confirming(self, peer, **more):
        entry = {"name": "p", "address": peer.address, "ack": True, "resend-ms": 50} | more
        return self.daemon({"peers": [entry]}, config={"overrun-events": False})

    def test_what_comes_is_confirmed_once_it_is_in_and_again_when_it_comes_again(self):
        for encryption in (None, ("aes256", KEY)):
            peer = self.peer(encryption=encryption)
            keys = {"encryption": encryption[0], "key": KEY.hex()} if encryption else {}
            daemon = self.confirming(peer, send=False, **keys)
            reader = self.reader(daemon)
            for number in range(3):
                frame = event_frame(20, 3, bytes([number]), GUID, head=0x60 | number)
                for _ in range(2):
                    peer.send(frame, self.address(daemon))
                    answer, _ = peer.receive()
                    self.assertEqual(answer.bytes, confirm_frame(frame))
                    self.assertEqual((answer.code, answer.error), (CONFIRM, 0))
                self.assertEqual(reader.read_event().data, [number])
            self.wait_row(daemon, "here p", events_in=3, duplicates=3)
            wrong = bytearray(event_frame(20, 3))
            wrong[-1] ^= 1
            peer.send(bytes(wrong), self.address(daemon))
            self.wait_row(daemon, "here p", **{"undecipherable" if encryption else "bad_crc": 1})
            peer.send(event_frame(20, 4), self.address(daemon))
            self.assertEqual(peer.receive()[0].bytes, confirm_frame(event_frame(20, 4)), "what is wrong got no answer")

    def test_events_without_time_are_never_repetitions(self):
        peer = self.peer()
        daemon = self.confirming(peer, send=False)
        reader = self.reader(daemon)
        for _ in range(2):
            peer.send(event_frame(20, 3, b"x", time_ns=0), self.address(daemon))
            peer.receive()
            self.assertEqual(reader.read_event().data, [120])

    def test_what_is_not_confirmed_comes_again(self):
        peer = self.peer()
        daemon = self.confirming(peer)
        sender = self.keep(daemon.login())
        sender.ok("SEND 0,20,3,0,,,-,7")
        first, _ = peer.receive()
        again, _ = peer.receive()
        self.assertEqual(again.bytes, first.bytes)
        peer.send(confirm_frame(first.bytes), self.address(daemon))
        self.wait_row(daemon, "here p", confirmed=1, awaiting=0, events_out=1)

    def test_a_burst_through_a_bad_line_loses_nothing(self):
        """Every third frame and every fourth confirmation is lost."""
        peer = self.peer()
        daemon = self.confirming(peer, **{"attempts": 20, "ack-window": 16, "resend-ms": 20})
        sender = self.keep(daemon.login())
        sender.send_raw("".join(f"SEND 0,20,3,0,,,-,{n >> 8},{n & 255}\r\n" for n in range(120)).encode())
        seen, count = set(), 0
        while len(seen) < 120:
            frame, _ = peer.receive()
            count += 1
            if count % 3 == 0:
                continue
            seen.add(struct.unpack(">H", frame.data)[0])
            if count % 4:
                peer.send(confirm_frame(frame.bytes), self.address(daemon))
        peer.socket.settimeout(0.2)
        while self.row(daemon, "here p").get("awaiting", 0):
            try:
                peer.send(confirm_frame(peer.receive()[0].bytes), self.address(daemon))
            except TimeoutError:
                pass
        row = self.row(daemon, "here p")
        self.assertEqual((row["confirmed"], row.get("unconfirmed", 0)), (120, 0))

    def test_who_never_confirms_is_given_up_and_the_queue_is_bounded(self):
        peer = self.peer()
        daemon = self.confirming(peer, **{"attempts": 2, "resend-ms": 10, "ack-window": 4, "max-out-queue": 16})
        sender = self.keep(daemon.login())
        sender.send_raw("".join(f"SEND 0,20,3,0,,,-,{n & 255}\r\n" for n in range(1000)).encode())
        for _ in range(1000):
            self.assertTrue(sender.read_line().startswith("+OK"))

        def gone():
            row = self.row(daemon, "here p")
            return row["dropped"] + row.get("unconfirmed", 0)

        poll(lambda: gone() >= 1000, what="all given up")
        self.assertEqual(gone(), 1000)
        self.assertGreater(self.row(daemon, "here p")["dropped"], 0)

    def test_two_routers(self):
        """One sends with confirmations to the other, and back: nothing is lost, nothing comes twice."""
        spare = [self.peer() for _ in range(2)]
        ports = [peer.port for peer in spare]
        for peer in spare:
            peer.close()
        routers = [self.daemon({"interface": f"127.0.0.1:{ports[i]}", "peers": [
            {"name": "p", "address": f"127.0.0.1:{ports[1 - i]}", "ack": True, "ack-window": 64, "encryption": "aes128", "key": KEY.hex()}]})
            for i in range(2)]
        readers = [self.reader(router) for router in routers]
        senders = [self.keep(router.login()) for router in routers]
        for i, sender in enumerate(senders):
            sender.send_raw("".join(f"SEND 0,20,{i + 3},0,,,-,{n >> 8},{n & 255}\r\n" for n in range(500)).encode())
        for i, reader in enumerate(readers):
            numbers = []
            while len(numbers) < 500:
                event = reader.read_event()
                if event.vscp_type == 4 - i:
                    numbers.append(event.data[0] << 8 | event.data[1])
            self.assertEqual(sorted(numbers), list(range(500)))
            self.wait_row(routers[i], "here p", confirmed=500, unconfirmed=0, dropped=0)


class Operation(Udp):
    def test_what_waits_goes_out_before_the_daemon_ends(self):
        peer = self.peer()
        daemon = Daemon(config={"udp": [{"name": "here", "interface": "127.0.0.1:0", "peers": [{"name": "p", "address": peer.address}]}]})
        with daemon, daemon.login() as sender:
            sender.send_raw("".join(f"SEND 0,20,3,0,,,-,{n >> 8},{n & 255}\r\n" for n in range(300)).encode())
            for _ in range(300):
                self.assertTrue(sender.read_line().startswith("+OK"))
        for number in range(300):
            self.assertEqual(peer.receive()[0].data, struct.pack(">H", number))

    def test_a_port_that_is_taken_is_told(self):
        peer = self.peer()
        daemon = Daemon(config={"udp": [{"interface": peer.address, "allow": "any"}]})
        self.addCleanup(daemon.remove)
        daemon.spawn()
        self.assertNotEqual(daemon.wait_exit(), 0)
        self.assertIn("another program uses this port", daemon.output())

    def test_destination_interface(self):
        """Classes 512 to 1023 go to the interface that they name, and to nobody else."""
        one, two = self.peer(), self.peer(host="127.0.0.2")
        daemon = self.daemon({"interface": "0.0.0.0:0", "peers": [{"name": "1", "address": one.address, "guid": "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:07:77:00:00"},
                                                                  {"name": "2", "address": two.address}]})
        sender = self.keep(daemon.login())
        data = [255] * 7 + [0xF5] + [0] * 4 + [7, 0x77, 0, 0] + [5]
        sender.ok("SEND 0,512,3,0,,,-," + ",".join(map(str, data)))
        sender.ok("SEND 0,20,3,0,,,-")
        self.assertEqual(one.receive()[0].vscp_class, 512)
        self.assertEqual(one.receive()[0].vscp_class, 20)
        self.assertEqual(two.receive()[0].vscp_class, 20)

    def test_stat_shows_why_datagrams_were_refused(self):
        peer = self.peer()
        daemon = self.daemon({"peers": [{"name": "p", "address": peer.address}]})
        peer.send_raw(b" junk", self.address(daemon))
        self.wait_row(daemon, "here p", bad_type=1, address=peer.address)
        self.wait_row(daemon, address="%s:%d" % self.address(daemon))
        shown = subprocess.run([os.environ.get("VSCPCTL", "vscpctl"), "stat", "--socket", daemon.admin_path()],
                               stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn("bad_type", shown)
        self.assertIn("here p", shown)
        self.assertIn("kernel_dropped", shown)


if __name__ == "__main__":
    unittest.main(verbosity=2)
