"""The binary protocol against the running daemon, with a client that shares no code with it."""

import random
import struct
import sys
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import binary_client as b  # noqa: E402
from binary_client import BinaryClient, BinaryEvent, Reply, command_frame, event_frame, with_crc  # noqa: E402
from daemon import GUID, Daemon, is_sanitized, poll, user  # noqa: E402
from traffic import NothingLeft, Traffic  # noqa: E402

OK = "+OK - Success."
MARK = b"123456789"


def text_guid(data):
    return ":".join(f"{byte:02X}" for byte in data)


class BinaryMode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(
            link={"login-failure-delay-ms": 1, "login-failure-delay-max-ms": 2},
            users=[user("admin"), user("good"), user("guest", privilege=1)])
        cls.daemon.__enter__()
        cls.nothing_left = NothingLeft(cls.daemon)
        cls.nothing_left.__enter__()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.nothing_left.__exit__(None, None, None)
        finally:
            cls.daemon.__exit__(None, None, None)

    def binary(self, name="admin", **more):
        """A client that is logged in and in binary; it goes when the test ends."""
        client = BinaryClient(self.daemon.login(name, **more))
        self.addCleanup(client.close)
        return client

    def stranger(self):
        """In binary, but not logged in."""
        client = BinaryClient(self.daemon.connect())
        self.addCleanup(client.close)
        return client

    def reader(self, opened=True):
        client = self.binary()
        if opened:
            client.ok(b.OPEN)
        return client

    def test_the_crc_of_this_client(self):
        """The check value that catalogues of CRCs name for this one."""
        self.assertEqual(b.crc16(MARK), 0x29B1)

    # -- commands -----------------------------------------------------------------------------------------------

    def test_every_command_and_its_reply(self):
        client = self.binary()
        before = time.time_ns()
        for code in (b.NOOP, b.USER, b.PASS, b.CLEAR, b.OPEN, b.CLOSE):
            self.assertEqual(client.ok(code, b"x" if code in (b.USER, b.PASS) else b"").argument, b"")
        first, second = client.ok(b.CHALLENGE).argument, client.ok(b.CHALLENGE).argument
        self.assertRegex(first, rb"\A[0-9a-f]{32}\Z")
        self.assertNotEqual(first, second)
        channel, = client.ok(b.GETCHID).numbers("I")
        row = next(row for row in self.daemon.admin("sessions")["sessions"] if row["id"] == channel)
        self.assertEqual((row["mode"], row["user"]), ("binary", "admin"))
        guid = client.ok(b.GETGUID).argument
        self.assertEqual(text_guid(guid), row["guid"])
        self.assertEqual(text_guid(guid)[:38], GUID[:38])
        mine = bytes(range(16, 32))
        client.ok(b.SETGUID, mine)
        self.assertEqual(client.ok(b.GETGUID).argument, mine)
        client.ok(b.SETGUID, bytes(16))
        self.assertEqual(client.ok(b.GETGUID).argument, guid)
        version = ".".join(map(str, client.ok(b.VERSION).numbers("HHHI")[:3]))
        self.assertEqual(version, self.daemon.admin("stat")["version"])
        capabilities = client.ok(b.WCYD).argument
        # Several interfaces, the link server, IPv4, several connections; none of the encryptions.
        self.assertEqual(capabilities, struct.pack(">Q", 1 << 61 | 1 << 15 | 1 << 5 | 1 << 3))
        self.assertEqual(client.ok(b.WCYD, bytes(8)).argument, capabilities)
        self.assertEqual(client.ok(b.TEST).numbers("I"), (0,))
        client.refused(b.TEST, b.PARAMETER, struct.pack(">H", 9999))
        self.assertEqual(client.waiting(), 0)
        client.refused(b.RETR, b.RCV_EMPTY)
        client.refused(b.RESTART, b.UNSUPPORTED)
        # SEND answers itself; a reader gets the event.
        reader = self.reader()
        client.ok(b.SEND, b.event_body(20, 3, MARK, head=0x160))
        event = reader.read_event()
        self.assertEqual((event.vscp_class, event.vscp_type, bytes(event.data), event.head, event.guid),
                         (20, 3, MARK, 0x160, guid))
        self.assertIn(event.time_ns, range(before - 10**9, time.time_ns() + 10**9))
        stat = client.ok(b.STAT).numbers("8I")
        self.assertEqual(stat[:3], (0, 0, 0))
        self.assertEqual((stat[4], stat[6], stat[7]), (1, 0, 0))  # events in, out, lost
        self.assertGreater(min(stat[3], stat[5]), 40)
        status, code, subcode = client.ok(b.INFO).numbers(f"III{len(client.ok(b.INFO).argument) - 12}s")[:3]
        self.assertEqual((status, subcode), (0, 0))
        self.assertNotEqual(code, 0)  # RESTART was refused
        # The text protocol says the same.
        text = client.text()
        self.assertEqual(text.ok("WCYD"), ["-".join(f"{byte:02X}" for byte in capabilities)])
        self.assertEqual(text.ok("GGID"), [text_guid(guid)])
        self.assertEqual(text.ok("CHID"), [str(channel)])
        self.assertEqual(text.ok("STAT")[0].split(",")[4], "1")
        client = BinaryClient(text)
        self.assertEqual(client.command(b.QUIT), Reply(b.QUIT, b.SUCCESS, b""))
        self.assertEqual(client.expect_closed(), [])

    def test_interfaces(self):
        client = self.binary()

        def interfaces():
            """None if one has gone while they were listed: a session of the test before."""
            count, = client.ok(b.INTERFACE, b"\0").numbers("H")
            self.assertGreaterEqual(count, 2)
            replies = [client.command(b.INTERFACE, struct.pack(">BH", 1, index)) for index in range(count)]
            return None if replies[-1].error == b.INDEX else [reply.numbers("HH16s64s") for reply in replies]

        guids = set()
        for index, (_, again, guid, text) in enumerate(poll(interfaces, what="the list of interfaces")):
            self.assertEqual(again, index)
            self.assertRegex(text, rb"\A[^\0]+\0+\Z")
            guids.add(guid)
        self.assertIn(client.ok(b.GETGUID).argument, guids)
        client.refused(b.INTERFACE, b.INDEX, b"\x01\xff\xff")
        for query in (2, 3):
            client.refused(b.INTERFACE, b.UNSUPPORTED, bytes([query, 0, 0]))
        client.refused(b.INTERFACE, b.PARAMETER, b"\x04")

    def test_filters(self):
        client, sender = self.binary(), self.binary()

        def assert_passes(sent, expected):
            client.ok(b.CLEAR)
            for vscp_class in sent:
                sender.confirmed(event_frame(vscp_class, 1))
            # The last one passes: when it has come, all have.
            self.assertEqual([event.vscp_class for event in client.retrieve(len(expected))], expected)
            self.assertEqual(client.waiting(), 0)

        client.ok(b.SETFILTER, b.filter_half(vscp_class=0x14) + b.filter_half(vscp_class=0x14))
        assert_passes((0x14, 0x15, 0x10, 0x1C), [0x14, 0x15, 0x1C])
        client.ok(b.SETMASK, b.filter_half(vscp_class=0xFFFF))
        assert_passes((0x15, 0x1C, 0x14), [0x14])
        client.ok(b.SETFILTER, b.filter_half(vscp_class=0x1C))
        assert_passes((0x14, 0x15, 0x1C), [0x1C])
        client.ok(b.SETMASK, b.filter_half())
        assert_passes((1, 2, 3), [1, 2, 3])
        # By type, priority and GUID.
        guid = bytes(range(16))
        client.ok(b.SETFILTER, b.filter_half(7, 20, 3, guid) + b.filter_half(7, 0xFFFF, 0xFFFF, b"\xff" * 16))
        for more in ({"head": 0x1C0}, {"vscp_type": 4}, {"guid": bytes(16)}, {}):
            sender.confirmed(event_frame(20, **({"vscp_type": 3, "head": 0x1E0, "guid": guid} | more)))
        [event] = client.retrieve(1)
        self.assertEqual((event.head, event.vscp_type, event.guid), (0x1E0, 3, guid))
        self.assertEqual(client.waiting(), 0)

    def test_login(self):
        for commands in ([(b.USER, b"admin"), (b.PASS, b"secret")], [(b.USER, b"admin:secret")],
                         [(b.USER, b"admin\0"), (b.PASS, b"secret\0")], [(b.USER, b"admin:secret\0")],
                         [(b.USER, b"nobody"), (b.USER, b"admin"), (b.PASS, b"secret")]):
            client = self.stranger()
            for code, argument in commands:
                client.ok(code, argument)
            self.assertEqual(client.waiting(), 0)
            # And holds in text.
            self.assertEqual(client.text().ok("CDTA"), ["0"])
        for code, argument in ((b.USER, b"admin:wrong"), (b.USER, b"nobody:secret")):
            client = self.stranger()
            client.refused(code, b.CREDENTIALS, argument)
            self.assertEqual(client.expect_closed(), [])
        client = self.stranger()
        client.refused(b.PASS, b.USER_ERROR, b"secret")
        client.ok(b.USER, b"admin")
        client.refused(b.PASS, b.CREDENTIALS, b"wrong")
        self.assertEqual(client.expect_closed(), [])

    def test_before_login(self):
        client = self.stranger()
        for code in (b.NOOP, b.CHALLENGE, b.VERSION, b.WCYD):
            client.ok(code)
        for code, argument in ((b.SEND, b.event_body(20, 3)), (b.RETR, b""), (b.OPEN, b""), (b.CHKDATA, b""), (b.CLEAR, b""),
                               (b.STAT, b""), (b.INFO, b""), (b.GETCHID, b""), (b.SETGUID, bytes(16)), (b.GETGUID, b""),
                               (b.SETFILTER, b.filter_half()), (b.SETMASK, b.filter_half()), (b.INTERFACE, b"\0"),
                               (b.TEST, b""), (b.SHUTDOWN, b""), (b.RESTART, b"")):
            client.refused(code, b.NOT_AUTHORIZED, argument)
        client.confirmed(event_frame(20, 3), b.NOT_AUTHORIZED)
        client.ok(b.USER, b"admin:secret")
        client.ok(b.OPEN)

    def test_rights(self):
        client = self.binary("guest")
        client.ok(b.CHKDATA)
        for code, argument in ((b.SEND, b.event_body(20, 3)), (b.SETGUID, bytes(16)), (b.SHUTDOWN, b""), (b.TEST, b"")):
            client.refused(code, b.PERMISSION, argument)
        client.confirmed(event_frame(20, 3), b.PERMISSION)

    # -- events -------------------------------------------------------------------------------------------------

    def test_confirm_of_each_event(self):
        sender, reader = self.binary(), self.reader()
        for number in range(16):
            sender.confirmed(event_frame(20, 3, [number], head=0x100 | number << 4))
        frames = [event_frame(20, 4, [number]) for number in range(200)]
        sender.send_raw(b"".join(frames))
        for frame in frames:
            sender.expect_confirm(frame)
        self.assertEqual([reader.read_event().data for _ in range(216)], [[n] for n in [*range(16), *range(200)]])

    def test_events_of_every_size_arrive_as_they_were_sent(self):
        sender, reader = self.binary(), self.reader()
        sizes = [0, 1, 7, 8, 9, 255, 256, 486, 487, 488, 511, 512]
        guid = bytes(range(100, 116))
        for vscp_class in (0, 10, 511, 1024, 65535):
            for size in sizes:
                data = bytes(n * 7 % 256 for n in range(size))
                sender.confirmed(event_frame(vscp_class, size, data, head=0x91E0, guid=guid, time_ns=10**18 + 123456789))
                event = reader.read_event()
                self.assertEqual(
                    (event.vscp_class, event.vscp_type, bytes(event.data), event.head, event.guid, event.time_ns),
                    (vscp_class, size, data, 0x91E0, guid, 10**18 + 123456789))

    def test_frame_type_0(self):
        sender, reader = self.binary(), self.reader()
        date = (2026, 2, 28, 23, 59, 58)
        sender.confirmed(b.event_frame0(10, 6, MARK, head=0x60, stamp=4711, date=date))
        event = reader.read_event()
        expected = int(datetime(*date, tzinfo=timezone.utc).timestamp()) * 10**9
        self.assertEqual((event.head, event.time_ns, bytes(event.data)), (0x160, expected, MARK))
        before = time.time_ns()
        sender.confirmed(b.event_frame0(10, 6, MARK))  # without date: now
        self.assertIn(reader.read_event().time_ns, range(before - 10**9, time.time_ns() + 10**9))
        for bad in ((2026, 13, 1, 0, 0, 0), (2026, 2, 30, 0, 0, 0), (2026, 1, 1, 24, 0, 0), (65535, 1, 1, 0, 0, 0)):
            sender.confirmed(b.event_frame0(10, 6, date=bad), b.PARAMETER)
        sender.confirmed(event_frame(10, 7))
        self.assertEqual(reader.read_event().vscp_type, 7)

    def test_text_and_binary_clients_exchange_events(self):
        binary, text = self.reader(), self.daemon.login()
        self.addCleanup(text.close)
        text.ok("RCVLOOP")
        for size in (0, 1, 8, 487, 512):
            data = [n % 256 for n in range(size)]
            binary.confirmed(event_frame(20, size, data, head=0x1E3))
            event = text.read_event()
            self.assertEqual((event.vscp_class, event.vscp_type, event.data, event.head), (20, size, data, 0xE3))
            text.send_event(1024, size, data, head=0x63)
            reply = binary.read_event()
            self.assertEqual((reply.vscp_class, reply.vscp_type, reply.data, reply.head), (1024, size, data, 0x163))
        # Of the binary client's own GUID.
        self.assertEqual(event.guid, text_guid(binary.ok(b.GETGUID).argument))

    def test_poll_open_and_close(self):
        sender, reader = self.binary(), self.reader(opened=False)
        frames = [event_frame(20, 3, [number]) for number in range(10)]
        sender.send_raw(b"".join(frames))
        for frame in frames:
            sender.expect_confirm(frame)
        self.assertEqual([e.data for e in reader.retrieve(3)], [[0], [1], [2]])
        reader.wait_waiting(7)
        reader.ok(b.OPEN)
        self.assertEqual([reader.read_event().data for _ in range(7)], [[n] for n in range(3, 10)])
        self.assertEqual(reader.waiting(), 0)
        reader.refused(b.RETR, b.UNSUPPORTED)
        # Events and replies of an open channel: each frame whole.
        for number in range(100):
            sender.send_raw(event_frame(20, 3, [number] * 50))
            reader.send_raw(command_frame(b.NOOP))
        got = [reader.read_frame() for _ in range(200)]
        self.assertEqual([f.data[0] for f in got if isinstance(f, BinaryEvent)], list(range(100)))
        self.assertEqual([f for f in got if isinstance(f, Reply)], [Reply(b.NOOP, 0, b"")] * 100)
        reader.ok(b.CLOSE)
        sender.send_raw(event_frame(20, 3, [77]))
        self.assertEqual([e.data for e in reader.retrieve(1)], [[77]])
        reader.ok(b.CLEAR)

    def test_confirms_of_the_reader_are_taken(self):
        """As the specification has them, and as firmware sends them: without the first two bytes of the head."""
        sender, reader = self.binary(), self.reader()
        for number in range(300):
            sender.send_raw(event_frame(20, 3, [number % 256]))
            event = reader.read_event()
            head = struct.pack(">HH", event.head, 0x1234)
            reader.send_raw(b.reply_frame(b.CONFIRM, 0, head if number % 2 else bytes(2) + head))
        reader.send_raw(b.reply_frame(b.CONFIRM, 35, bytes(6)) + command_frame(b.NOOP))
        self.assertEqual(reader.read_reply(), Reply(b.NOOP, 0, b""))

    def test_confirms_switched_off(self):
        with Daemon(link={"binary-confirm": False}) as daemon:
            with BinaryClient(daemon.login()) as sender, BinaryClient(daemon.login()) as reader:
                reader.ok(b.OPEN)
                bad = with_crc(event_frame(20, 3, MARK)[:-2])[:-1] + b"\x99"
                sender.send_raw(event_frame(20, 3, [1]) * 50 + bad + event_frame(20, 3, [2]) + command_frame(b.NOOP))
                sender.expect_confirm(bad, b.CHECKSUM)
                self.assertEqual(sender.read_reply(), Reply(b.NOOP, 0, b""))
                self.assertEqual([reader.read_event().data for _ in range(51)], [[1]] * 50 + [[2]])

    # -- dialects -----------------------------------------------------------------------------------------------

    def test_both_dialects_in_one_write(self):
        client = self.daemon.login()
        self.addCleanup(client.close)
        client.send_raw((b"NOOP\r\nBINARY\r\n" + command_frame(b.NOOP) + event_frame(20, 3) + command_frame(b.TEXT)) * 50 +
                        b"CHID\r\n")
        for _ in range(50):
            self.assertEqual(client.read_line(), OK)
            self.assertEqual(client.read_line(), "+OK - Binary mode enabled")
            binary = BinaryClient(client, entered=True)
            self.assertEqual(binary.read_reply(), Reply(b.NOOP, 0, b""))
            binary.expect_confirm(event_frame(20, 3))
            self.assertEqual(binary.read_reply(), Reply(b.TEXT, 0, b""))
        self.assertRegex(client.read_reply()[0], r"\A\d+\Z")

    def test_what_waits_comes_in_the_dialect_of_the_moment(self):
        reader, sender = self.daemon.login(), self.daemon.login()
        self.addCleanup(reader.close)
        self.addCleanup(sender.close)
        for number in range(30):
            sender.send_event(20, 3, [number])
        self.assertEqual([e.data for e in reader.retrieve(10)], [[n] for n in range(10)])
        reader.wait_waiting(20)
        binary = BinaryClient(reader)
        self.assertEqual([e.data for e in binary.retrieve(10)], [[n] for n in range(10, 20)])
        binary.ok(b.OPEN)
        self.assertEqual([binary.read_event().data for _ in range(5)], [[n] for n in range(20, 25)])
        for _ in range(5):
            binary.read_event()
        for number in range(30, 40):
            sender.send_event(20, 3, [number])
        # TEXT closes the channel; what came before its reply was a frame, the rest are lines.
        binary.send_raw(command_frame(b.TEXT))
        numbers = []
        while isinstance(frame := binary.read_frame(), BinaryEvent):
            numbers.append(frame.data[0])
        self.assertEqual(frame, Reply(b.TEXT, 0, b""))
        numbers += [e.data[0] for e in reader.retrieve(10 - len(numbers))]
        self.assertEqual(numbers, list(range(30, 40)))

    # -- what is no frame, or in pieces -------------------------------------------------------------------------

    def assert_ends_with(self, data, code, error, logged_in=True):
        client = self.binary() if logged_in else self.stranger()
        client.send_raw(command_frame(b.NOOP) + data)
        self.assertEqual(client.read_reply(), Reply(b.NOOP, 0, b""))
        argument = bytes(6) if code == b.CONFIRM else b""
        self.assertEqual(client.expect_closed(), [Reply(code, error, argument)], data[:50])

    def test_no_frame_ends_the_connection_with_a_reason(self):
        event = event_frame(20, 3, MARK)
        for logged_in in (True, False):
            for first in (0x20, 0x7F, 0xD0):
                self.assert_ends_with(bytes([first]) + event[1:], b.CONFIRM, b.INVALID_FRAME, logged_in)
            for first in (0x01, 0x12, 0x13, 0x1F):  # encrypted
                self.assert_ends_with(bytes([first]) + event[1:], b.CONFIRM, b.UNSUPPORTED, logged_in)
            for size in (513, 0x7FFF, 0xFFFF):
                self.assert_ends_with(event[:34] + struct.pack(">H", size) + event[36:], b.CONFIRM, b.SIZE, logged_in)
            for line in (b"NOOP\r\n", b"SEND 0,20,3,0,,,-,1\r\n", b"GET / HTTP/1.1\r\n\r\n"):
                self.assert_ends_with(line, b.CONFIRM, b.INVALID_FRAME, logged_in)
            self.assert_ends_with(command_frame(b.NOOP)[:-1] + b"\x99", b.NOOP, b.CHECKSUM, logged_in)
            self.assert_ends_with(command_frame(b.SETGUID, b"short") + event, b.SETGUID, b.CHECKSUM, logged_in)
            self.assert_ends_with(command_frame(b.USER, b"x" * 300), b.USER, b.CHECKSUM, logged_in)
            self.assert_ends_with(command_frame(1000, b"with an argument"), 1000, b.UNKNOWN_COMMAND, logged_in)

    def test_what_is_wrong_with_one_event_ends_nothing(self):
        sender, reader = self.binary(), self.reader()
        good = event_frame(20, 3, MARK)
        for at in (1, 8, 15, 20, 36, len(good) - 1):
            bad = bytearray(good)
            bad[at] ^= 0x40
            sender.confirmed(bytes(bad), b.CHECKSUM)
        for code in (25, 29, 35, 0x1000, 0xFF00, 0xFFFE):
            sender.refused(code, b.UNKNOWN_COMMAND)
        # The code of a confirm is no command; the answer is as long as a confirm.
        self.assertEqual(sender.command(b.CONFIRM), Reply(b.CONFIRM, b.UNKNOWN_COMMAND, bytes(6)))
        # Left out, as the head may say.
        sender.send_raw(event_frame(20, 3, MARK, head=0x108)[:-2] + b"\xaa\x55")
        self.assertEqual(sender.read_reply().error, b.SUCCESS)
        sender.confirmed(good)
        self.assertEqual([bytes(reader.read_event().data) for _ in range(2)], [MARK, MARK])

    def test_frames_in_single_bytes_and_in_halves(self):
        sender, reader = self.binary(), self.reader()
        frames = [command_frame(b.NOOP), event_frame(20, 3, MARK), command_frame(b.SETFILTER, b.filter_half()),
                  command_frame(b.RETR, b"\0\1"), command_frame(b.USER, b"admin"), event_frame(1024, 1, bytes(512)),
                  command_frame(b.SEND, b.event_body(20, 4)), b.event_frame0(20, 5), command_frame(b.NOOP)]
        answers = [b.NOOP, b.CONFIRM, b.SETFILTER, b.RETR, b.USER, b.CONFIRM, b.SEND, b.CONFIRM, b.NOOP]
        whole = b"".join(frames)
        for byte in whole:
            sender.send_raw(bytes([byte]))
        self.assertEqual([sender.read_reply().code for _ in answers], answers)
        for cut in range(1, len(whole), 1 if not is_sanitized() else 7):
            sender.send_raw(whole[:cut])
            sender.send_raw(whole[cut:])
            self.assertEqual([sender.read_reply().code for _ in answers], answers, cut)
            for vscp_type in (3, 1, 4, 5):
                self.assertEqual(reader.read_event().vscp_type, vscp_type)

    def test_half_a_frame_and_then_nothing(self):
        whole = event_frame(20, 3, MARK)
        for size in (1, 2, 20, 35, 36, len(whole) - 1):
            client = self.binary()
            client.send_raw(command_frame(b.NOOP) + whole[:size])
            self.assertEqual(client.read_reply(), Reply(b.NOOP, 0, b""))
            client.client.socket.shutdown(1)
            self.assertEqual(client.expect_closed(), [])
        # Of one who stays, nobody notices; of one who vanishes, nothing is left.
        staying = [self.binary() for _ in range(20)]
        for number, client in enumerate(staying):
            client.send_raw(whole[: 1 + number * 2])
        sender, reader = self.binary(), self.reader()
        sender.confirmed(whole)
        self.assertEqual(bytes(reader.read_event().data), MARK)
        for number, client in enumerate(staying[:10]):
            client.send_raw(whole[1 + number * 2:])
            client.expect_confirm(whole)

    def test_a_multitude_of_tiny_frames(self):
        client, reader = self.binary(), self.reader()
        count = 2000 if is_sanitized() else 20000
        with Traffic(self.daemon):
            # More replies than the daemon keeps for one who does not read: it reads no further, and then goes on.
            data = command_frame(b.NOOP) * count + event_frame(20, 3) * 500 + command_frame(b.GETCHID)
            client.client.socket.setblocking(False)
            sent = 0
            size = 7 * count + 13 * 500 + 11
            got = b""
            while len(got) < size:
                try:
                    sent += client.client.socket.send(data[sent: sent + 65536])
                except BlockingIOError:
                    pass
                try:
                    piece = client.client.socket.recv(65536)
                    self.assertTrue(piece)
                    got += piece
                except BlockingIOError:
                    pass
            client.client.socket.setblocking(True)
            reply, confirm = b.reply_frame(b.NOOP), got[7 * count: 7 * count + 13]
            self.assertEqual(got[: 7 * count], reply * count)
            self.assertEqual(got[7 * count: -11], confirm * 500)
            self.assertEqual(len(confirm), 13)
            for _ in range(500):
                event = reader.read_event()
                while event.vscp_class != 20:  # the good clients'
                    event = reader.read_event()
            self.assertEqual(event.vscp_type, 3)

    def test_random_bytes(self):
        generator = random.Random(20261122)
        seeds = [command_frame(code) for code in range(25) if code not in (b.SHUTDOWN, b.QUIT)]
        seeds += [event_frame(20, 3, MARK), b.event_frame0(20, 3), command_frame(b.SEND, b.event_body(20, 3)),
                  command_frame(b.USER, b"admin:secret"), command_frame(b.SETFILTER, b.filter_half() * 2),
                  b.reply_frame(b.CONFIRM, 0, bytes(6)), b"BINARY\r\n", b"NOOP\r\n"]
        with Traffic(self.daemon):
            for number in range(100):
                client = self.binary() if number % 4 else self.stranger()
                data = bytearray(b"".join(generator.choice(seeds) for _ in range(30)))
                for _ in range(generator.randrange(3)):
                    at = generator.randrange(len(data))
                    data[at] = generator.randrange(256)
                client.send_raw(bytes(data))
                client.client.socket.shutdown(1)
                rest = b""
                while piece := client.client.socket.recv(65536):
                    rest += piece
                self.assertTrue(rest)
                client.close()

    def test_timeouts_and_too_slow_are_told_in_frames(self):
        link = {"login-timeout-s": 1, "idle-timeout-s": 1, "slow-consumer": "disconnect", "max-out-queue": 200,
                "hold-producers-ms": 0}
        with Daemon(link=link) as daemon, NothingLeft(daemon):
            silent, idle = BinaryClient(daemon.connect()), BinaryClient(daemon.login())
            slow = BinaryClient(daemon.login(receive_buffer=4096))
            slow.ok(b.OPEN)
            for client in (silent, idle):
                self.assertEqual(client.expect_closed(), [Reply(b.CONFIRM, b.TIMEOUT, bytes(6))])
            with BinaryClient(daemon.login()) as sender:
                sender.send_raw(event_frame(1024, 1, bytes(512)))
                sender.read_reply()
                self.assertEqual(len(slow.read_event().data), 512)  # the last that it reads until it is too late
                while daemon.admin("stat")["total"]["slow_closed"] == 0:
                    sender.send_raw(event_frame(1024, 1, bytes(512)) * 100)
                    for _ in range(100):
                        sender.read_reply()
            *events, last = slow.expect_closed()
            self.assertEqual(last, Reply(b.CONFIRM, 18, bytes(6)))
            self.assertLessEqual({len(event.data) for event in events if event.vscp_class == 1024}, {512})
            for client in (silent, idle, slow):
                client.close()

    def test_shutdown(self):
        daemon = Daemon()
        with daemon:
            client = BinaryClient(daemon.login())
            client.ok(b.SHUTDOWN)
            poll(lambda: not daemon.alive(), 20, "the daemon to end")
            self.assertEqual(daemon.process.returncode, 0)
            client.close()
            daemon.start()  # for the clean stop at the end


if __name__ == "__main__":
    unittest.main(verbosity=2)
