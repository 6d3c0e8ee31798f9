"""Events and frames, byte for byte: candump's log beside the lines of a link client, both ways, and what must not pass."""

import unittest

import bus
import router_on_can as site
from router_on_can import Listener, Router, entry

SENTINEL = bus.frame_text(5, 20, 5, 0xEE, b"\x05")
SENTINEL_LINE = site.event_line(5 << 5, 20, 5, site.node_guid(0, 0xEE), [5])


class BothWays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.router = Router(entry(0), entry(1, fd=True))
        cls.router.start()
        cls.client = cls.router.login()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        try:
            cls.router.stop()
        finally:
            cls.router.remove()

    def setUp(self):
        self.before = {device: site.figures(self.router, device) for device in ("vcan0", "vcan1")}

    def grown(self, device, name):
        return site.figures(self.router, device)[name] - self.before[device][name]

    def test_frames_become_events_with_the_kernels_time(self):
        sent = [site.as_frame(kind) for kind in site.random_frames(1500, 1)]
        with Listener(self.router) as listener, bus.Candump("vcan0") as dump:
            bus.play("vcan0", sent)
            events = listener.take(len(sent))
            bus.assert_same(dump.wait(len(sent)), sent)
            for event, logged in list(zip(events, dump.lines()))[:8]:
                print(f"{logged[0]}   {event.line}")
            bus.assert_same([bus.text_of_event(event) for event in events], sent)
            self.assertEqual({event.guid[:-2] for event in events}, {site.guid(0)[:-2]})
            bus.assert_same([event.stamp for event in events], [time % (1 << 32) for time in dump.microseconds()])
        self.assertEqual(self.grown("vcan0", "frames_in"), len(sent))

    def test_events_become_frames(self):
        kinds = site.random_frames(1500, 2)
        with bus.Candump("vcan0") as dump:
            # Whoever it is from: the nickname is the last byte of the GUID.
            site.send_all(self.client, [site.as_line(kind, "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:00:") for kind in kinds])
            frames = dump.wait(len(kinds))
        # Priorities may overtake each other; within one the order is kept.
        for priority in range(8):
            bus.assert_same([frame for frame in frames if int(frame[:8], 16) >> 26 == priority],
                             [site.as_frame(kind) for kind in kinds if kind[0] == priority])
        self.assertEqual(self.grown("vcan0", "frames_out"), len(kinds))

    def test_an_event_that_a_session_sends_without_guid_has_nickname_0(self):
        with bus.Candump("vcan0") as dump:
            self.client.send_event(20, 3, [1, 2, 3], head=96)
            self.assertEqual(dump.wait(1), [bus.frame_text(3, 20, 3, 0, [1, 2, 3])])

    def test_what_is_no_vscp_frame_never_becomes_an_event(self):
        with Listener(self.router) as listener, bus.RawSocket("vcan0") as raw:
            bus.cansend("vcan0", "7FF#0102")
            bus.cansend("vcan0", "000#")
            bus.cansend("vcan0", "0C140601#R")
            bus.cansend("vcan0", "123#R")
            raw.send_fd(0x0C140601 | bus.EFF, bytes(12))
            raw.send_fd(0x0C140601 | bus.EFF, bytes(4))
            raw.send_fd(0x123, bytes(64))
            bus.cansend("vcan0", SENTINEL)
            self.assertEqual(listener.frames(1), [SENTINEL])
        self.assertEqual(self.grown("vcan0", "frames_in"), 1)

    def test_events_that_a_bus_cannot_carry_never_become_frames(self):
        guid = site.node_guid(0, 1)
        other = bytes(range(16))
        lines = [site.event_line(0, vscp_class, vscp_type, guid, data) for vscp_class, vscp_type, data in (
            (1024, 1, b""), (1040, 6, bytes(24)), (2000, 0, b"x"), (65535, 65535, b""),  # Level II
            (20, 256, b""), (20, 3, bytes(9)), (20, 3, bytes(16)), (20, 3, bytes(487)),  # too large
            (512, 3, bytes(15)), (1023, 3, other), (532, 3, other + bytes(8)),           # no destination here
        )]
        with bus.Candump("vcan0") as dump:
            site.send_all(self.client, lines + [SENTINEL_LINE])
            self.assertEqual(dump.wait(1), [SENTINEL])
        self.assertEqual(self.grown("vcan0", "frames_out"), 1)
        self.assertEqual(self.grown("vcan0", "waiting"), 0)

    def test_events_for_a_destination_reach_its_segment_alone(self):
        destination = bytes(int(pair, 16) for pair in site.node_guid(1, 0x42).split(":"))
        source = site.node_guid(0, 0x17)
        with bus.Candump("vcan0") as zero, bus.Candump("vcan1") as one, Listener(self.router) as listener:
            site.send_all(self.client, [site.event_line(0, 512, 6, source, destination + b"\x42"),
                                        site.event_line(7 << 5, 1023, 255, source, destination + bytes(range(8)))])
            bus.cansend("vcan0", SENTINEL)
            expected = [bus.frame_text(0, 0, 6, 0x17, b"\x42"), bus.frame_text(7, 511, 255, 0x17, bytes(range(8)))]
            self.assertEqual(sorted(one.wait(3)), sorted(expected + [SENTINEL]))
            self.assertEqual(zero.wait(1), [SENTINEL])
            self.assertEqual(listener.frames(1), [SENTINEL])  # such an event is not for everybody

    def test_segments_are_joined_without_an_echo(self):
        sent = [site.as_frame(kind) for kind in site.random_frames(100, 3)]
        with bus.Candump("vcan0") as zero, bus.Candump("vcan1") as one:
            bus.play("vcan0", sent)
            bus.assert_same(sorted(one.wait(len(sent))), sorted(sent))
            bus.cansend("vcan1", SENTINEL)
            bus.assert_same(zero.wait(len(sent) + 1), sent + [SENTINEL])
            self.assertEqual(len(one.frames()), len(sent) + 1)

    def test_fd_frames_pass_where_they_are_allowed(self):
        sizes = (0, 8, 12, 16, 20, 24, 32, 48, 64)
        with Listener(self.router) as listener, bus.RawSocket("vcan1") as raw, bus.Candump("vcan0") as classic:
            for size in sizes:
                raw.send_fd(0x0C140600 | size | bus.EFF, bytes(range(size)))
            self.assertEqual([bytes(event.data) for event in listener.take(len(sizes))], [bytes(range(size)) for size in sizes])
            # A bus of classic frames gets those that fit.
            self.assertEqual(classic.wait(2), [bus.frame_text(3, 20, 6, size, range(size)) for size in (0, 8)])
        with bus.Candump("vcan1") as dump:
            site.send_all(self.client, [site.event_line(96, 20, 6, site.node_guid(0, size), range(size)) for size in (*sizes, 9, 63)])
            # ##5: FD (4) with the bit rate switched (1). No size is padded.
            self.assertEqual(dump.wait(len(sizes)), [f"{bus.frame_id(3, 20, 6, size):08X}#{'#5' if size > 8 else ''}"
                                                     + bytes(range(size)).hex().upper() for size in sizes])
        self.assertEqual(self.grown("vcan1", "not_level1"), 2)
