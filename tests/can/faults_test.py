"""What goes wrong around a bus: error frames, interfaces that go and come, a bus that is too slow, a router that is killed."""

import unittest

import bus
import router_on_can as site
from daemon import poll
from router_on_can import Listener, Router, entry

BUS_OFF, RESTARTED = 0x40, 0x100
ERROR = 508  # CLASS1.ERROR
CHANNEL, SUCCESS, INIT_READY, TRANSMITTER_FULL, NOT_OPEN = 7, 0, 16, 21, 33


def low(number):
    return site.event_line(7 << 5, 20, 3, site.node_guid(2, 1), [number >> 8, number & 255])


def numbered(priority, number):
    return bus.frame_text(priority, 20, 3, 1, [number >> 8, number & 255])


class Faults(unittest.TestCase):
    def read_until(self, listener, vscp_type):
        """The data of the next event of class ERROR and this type."""
        while True:
            event = listener.client.read_event()
            if (event.vscp_class, event.vscp_type) == (ERROR, vscp_type):
                return event

    def test_error_frames_are_told_and_nothing_is_sent_while_the_bus_is_off(self):
        with Router(entry(0), entry(1)) as router, Listener(router) as listener, router.login() as client, \
                bus.Candump("vcan0") as dump, bus.Candump("vcan1") as other:
            with bus.RawSocket("vcan0") as raw:
                raw.send(bus.ERR | BUS_OFF, bytes(8))
                event = self.read_until(listener, CHANNEL)
                self.assertEqual((event.guid, event.priority, event.data[:5]), (site.guid(0), 1, [0, 255, 255, 3, 3]))
                poll(lambda: site.figures(router, "vcan0")["state"] == "bus off", what="bus off in the figures")
                client.send_event(20, 3, [1], head=96, guid=site.node_guid(2, 9))
                expected = bus.frame_text(3, 20, 3, 9, [1])
                self.assertIn(expected, other.wait(1))
                self.assertEqual(site.figures(router, "vcan0")["waiting"], 1)
                self.assertNotIn(expected, dump.frames())
                raw.send(bus.ERR | RESTARTED, bytes(8))
                self.assertEqual(self.read_until(listener, SUCCESS).data[3:5], [0, 3])
                poll(lambda: expected in dump.frames(), what="the frame that waited")
            self.assertEqual(other.frames(), [expected])  # what one bus tells of itself is not for the other
            figures = site.figures(router, "vcan0")
            self.assertEqual((figures["bus_offs"], figures["restarts"], figures["error_frames"]), (1, 1, 2))

    def test_an_interface_that_is_down_comes_back_and_what_waited_goes_out_by_priority(self):
        with Router(entry(0, max_out_queue=256)) as router, Listener(router) as listener, router.login() as client, \
                bus.Candump("vcan0") as dump:
            bus.ip("link", "set", "dev", "vcan0", "down")
            self.assertEqual(self.read_until(listener, NOT_OPEN).data, [0, 255, 255, 1])
            sent = [(number % 8, number) for number in range(200)]
            site.send_all(client, [site.event_line(priority << 5, 20, 3, site.node_guid(2, 1), [number >> 8, number & 255])
                                   for priority, number in sent])
            poll(lambda: site.figures(router, "vcan0")["waiting"] == 200, what="200 events waiting")
            bus.ip("link", "set", "dev", "vcan0", "up")
            bus.assert_same(dump.wait(200), [numbered(*each) for each in sorted(sent)])
            self.read_until(listener, INIT_READY)
            bus.cansend("vcan0", numbered(1, 1))
            self.assertEqual(bus.text_of_event(listener.client.read_event()), numbered(1, 1))

    def test_a_full_queue_loses_the_oldest_of_the_lowest_priority(self):
        with Router(entry(0, max_out_queue=64)) as router, Listener(router) as listener, router.login() as client, \
                bus.Candump("vcan0") as dump:
            bus.ip("link", "set", "dev", "vcan0", "down")
            self.read_until(listener, NOT_OPEN)
            site.send_all(client, [low(number) for number in range(100)])
            site.send_all(client, [site.event_line(0, 20, 3, site.node_guid(2, 1), [0, number]) for number in range(10)])
            poll(lambda: site.figures(router, "vcan0")["dropped"] == 46, what="46 events dropped")
            bus.ip("link", "set", "dev", "vcan0", "up")
            bus.assert_same(dump.wait(64), [numbered(0, n) for n in range(10)] + [numbered(7, n) for n in range(46, 100)])
            self.assertEqual(self.read_until(listener, TRANSMITTER_FULL).data[:6], [0, 255, 255, 0, 0, 0])

    def test_an_interface_is_taken_out_and_put_in_again_while_events_flow(self):
        with Router(entry(0), entry(1)) as router, Listener(router) as listener, router.login() as client:
            files, seen = router.fds(), []
            for number in range(3):
                bus.ip("link", "del", "dev", "vcan0")
                poll(lambda: site.figures(router, "vcan0")["state"] == "absent", what="the interface's absence in the figures")
                client.send_event(20, 3, [number], head=96, guid=site.node_guid(2, 9))
                bus.cansend("vcan1", numbered(2, number))  # the other one goes on
                bus.fresh_interface("vcan0")
                site.wait_joined(router, "vcan0")
                with bus.Candump("vcan0") as dump:
                    client.send_event(20, 3, [number, 8], head=96, guid=site.node_guid(2, 9))
                    self.assertEqual(dump.wait(1)[-1], bus.frame_text(3, 20, 3, 9, [number, 8]))
                bus.cansend("vcan0", numbered(4, number))
                while numbered(4, number) not in seen:
                    seen += listener.frames(1)
                self.assertIn(numbered(2, number), seen)
            poll(lambda: router.fds() == files, what=f"{files} open files, {router.fds()} are")

    def test_what_is_urgent_passes_on_a_bus_that_is_too_slow(self):
        with Router(entry(0)) as router, router.login() as client, bus.Candump("vcan0") as dump:
            # 16 bytes a frame: some 250 frames a second.
            bus.run("tc", "qdisc", "replace", "dev", "vcan0", "root", "tbf", "rate", "32kbit", "burst", "64", "limit", "320")
            site.send_all(client, [low(number) for number in range(300)])
            client.send_event(20, 3, [0, 0], head=0, guid=site.node_guid(2, 1))
            frames = dump.wait(301)
            bus.assert_same([frame for frame in frames if frame != numbered(0, 0)], [numbered(7, n) for n in range(300)])
            behind = len(frames) - 1 - frames.index(numbered(0, 0))
            print(f"the urgent frame went before {behind} of 300")
            self.assertGreater(behind, 0)
            self.assertEqual(site.figures(router, "vcan0")["dropped"], 0)

    def test_a_router_that_was_killed_joins_again(self):
        router = Router(entry(0))
        try:
            router.start()
            for round_number in range(3):
                with router.login() as client, bus.Candump("vcan0") as dump:
                    client.send_event(20, 3, [round_number], head=96, guid=site.node_guid(2, 9))
                    self.assertEqual(dump.wait(1), [bus.frame_text(3, 20, 3, 9, [round_number])])
                router.process.kill()
                router.wait_exit()
                # The kernel takes down a dead process's ring, and the sockets in it, on a thread of its own.
                poll(lambda: bus.filtered_receivers("vcan0") == 0, 10, "the dead router's socket gone")
                router.start()
            with Listener(router) as listener:
                bus.cansend("vcan0", numbered(4, 4))
                self.assertEqual(listener.frames(1), [numbered(4, 4)])
        finally:
            router.remove()
