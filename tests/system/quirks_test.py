"""What thirteen real client programs need of a server, each as a test that does on a raw socket what that client does.

Names: node = node-vscp-tcp and the Node-RED nodes; hass = vscp4hass; arduino = the Arduino library; cpp = upstream's C++
classes and helper library of 2025 and 2026; l2drv = the tcpiplink driver; samples = command line tools and samples.
"""

import datetime
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, user  # noqa: E402
from link_client import Event  # noqa: E402

BAD = "-OK - Invalid parameter or format"
GUID = "01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10"


class Quirks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(
            link={"keepalive-ms": 2000, "login-failure-delay-ms": 1, "login-failure-delay-max-ms": 1},
            users=[user("admin"), user("other")])
        cls.daemon.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__(None, None, None)

    def setUp(self):
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()

    def login(self, **more):
        client = self.daemon.login(**more)
        self.clients.append(client)
        return client

    def pair(self):
        return self.login(), self.login()

    def exchange(self, line, receiver=None):
        """Sends the rest of a SEND line as one client; returns the event as another one gets it."""
        sender, receiver = self.login(), receiver or self.login()
        sender.ok("SEND " + line)
        event = receiver.retrieve(1)[0]
        sender.quit()
        return event, sender

    # -- greeting and login ---------------------------------------------------------------------------------------

    def test_01_samples_greeting_comes_in_one_read(self):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=60) as sock:
                text = sock.recv(800).decode()
            self.assertTrue(text.startswith("Welcome to the VSCP daemon.\r\n"), text)
            self.assertTrue(text.endswith("\r\n+OK - Success.\r\n"), text)
            self.assertEqual(text.count("+OK"), 1)
            self.assertNotIn("-OK", text)
            self.assertFalse([line for line in text.split("\r\n") if line.startswith("-")])
        print("greeting:", text.split("\r\n"))

    def test_02_node_user_and_password(self):
        client = self.daemon.connect()
        self.assertEqual(client.command("USER whoever"), ["+OK - User name accepted, password please"])
        client.refused("USER", BAD)
        client.ok("USER admin")
        client.refused("PASS wrong", "-OK - Invalid username or password.")
        self.assertEqual(client.expect_closed(), "")

    def test_03_node_noop_before_login_and_arduino_blanks_and_packets(self):
        client = self.daemon.connect()
        client.ok("noop")
        client.login("admin", "secret")
        client.ok("setmask  0,0,0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00")
        receiver = self.login()
        # The Arduino library prints every number and every comma by itself.
        for piece in ["send ", "0", ",", "20", ",", "3", ",", "0", ",", "", ",", "1000", ",", GUID.lower(), ",", "1", ",", "2", "\r\n"]:
            if piece:
                client.send_raw(piece.encode())
        self.assertEqual(client.read_reply(), ["+OK - Success."])
        event = receiver.retrieve(1)[0]
        self.assertEqual((event.vscp_class, event.vscp_type, event.guid, event.data), (20, 3, GUID, [1, 2]))
        client.send_raw(b"NOOP\n")
        self.assertEqual(client.read_reply(), ["+OK - Success."])
        client.quit()

    def test_04_cpp_lines_of_2600_bytes(self):
        line = f"0,1024,1,0,,,{GUID}," + ",".join(f"0x{n % 256:02X}" for n in range(512))
        self.assertGreater(len(line), 2560)
        event, _ = self.exchange(line)
        self.assertEqual(event.data, [n % 256 for n in range(512)])

    def test_05_hass_second_connection_and_quiet_loop_stay_open(self):
        first, second = self.pair()
        first.ok("RCVLOOP")
        second.send_event(20, 3, [1])
        self.assertEqual(first.read_event().data, [1])
        second.quit()
        # Its own sign of life is all that it gets, and the connection stays.
        self.assertEqual(first.read_line(), "+OK")

    # -- replies --------------------------------------------------------------------------------------------------

    def test_06_all_replies_have_one_status_line(self):
        client = self.login()
        for line in ["HELP", "INTERFACE", "INTERFACE LIST", "STAT", "INFO", "WCYD", "VERS", "CHID", "GGID", "TEST", "++",
                     "HELP SEND", "CDTA", "NOOP"]:
            reply = client.command(line)  # read_reply checks that "+OK" is nowhere else
            self.assertTrue(reply[-1].startswith("+OK"), (line, reply))
            self.assertFalse([text for text in reply[:-1] if text.startswith("-")], line)
        client.quit()

    def test_07_cpp_reply_comes_in_one_read(self):
        client = self.login()
        for line in ["CHID", "STAT", "VERS", "INFO", "GGID", "CDTA"] * 20:
            client.send_line(line)
            text = client.socket.recv(65536).decode()
            self.assertEqual(text.count("\r\n"), 2, text)
            self.assertTrue(text.endswith("+OK - Success.\r\n"), text)

    def test_08_hass_events_are_there_when_asked_for(self):
        """It sends a request, and its scan reads the answers 10 ms later; here the node answers at once."""
        hass, node = self.pair()
        node.ok("RCVLOOP")
        late, worst = 0, 0.0
        for number in range(30):
            hass.send_event(0, 9, [1, 0, number])
            node.read_event()
            node.send_line(f"SEND 0,0,10,0,,,{GUID},0,{number}")
            self.assertEqual(node.read_reply(), ["+OK - Success."])
            begin = time.monotonic()
            while hass.waiting() == 0:
                if time.monotonic() - begin > 10:
                    self.fail("the answer never came")
            took = time.monotonic() - begin
            worst = max(worst, took)
            late += took > 0.010
            self.assertEqual(hass.retrieve(1)[0].data, [0, number])
        print(f"answers later than 10 ms: {late} of 30, worst {worst * 1000:.1f} ms")

    def test_09_all_every_command_gets_one_answer(self):
        client = self.login()
        lines = ["NOOP", "nonsense", "SEND 1", "", "CHID", "   ", "RETR", "QUITLOOP", "USER x", "SFLT"] * 30
        client.send_raw("".join(line + "\r\n" for line in lines).encode())
        for line in lines:
            if line.strip():
                client.read_reply()
        client.quit()  # asserts that nothing is left over

    def test_10_node_quit_closes_and_arduino_leaves_without_reading(self):
        self.login().quit()
        for _ in range(20):
            client = self.daemon.connect()
            client.send_raw(b"QUIT\r\n")
            client.close()
        self.login().ok("NOOP")

    # -- events out -----------------------------------------------------------------------------------------------

    def test_11_hass_and_node_event_lines(self):
        before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        event, _ = self.exchange(f"96,10,6,0,,,{GUID},8,9,0,255")
        when = datetime.datetime.strptime(event.date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        after = datetime.datetime.now(datetime.timezone.utc)
        self.assertTrue(before <= when <= after, event.line)
        self.assertLess(event.stamp, 1 << 32)
        self.assertEqual(event.head, 96)
        for item in event.line.split(",")[7:]:
            int(item, 0)  # as hass reads it: fails for '08'
        self.assertFalse(event.line.endswith(","))
        self.assertRegex(event.line, r",8,9,0,255$")
        no_data, _ = self.exchange(f"0,10,6,0,,,{GUID}")
        self.assertTrue(no_data.line.endswith(GUID), no_data.line)

    def test_12_cpp_never_more_than_512_bytes(self):
        sender, receiver = self.pair()
        sender.refused(f"SEND 0,1024,1,0,,,-" + ",1" * 513, BAD)
        sender.send_event(1024, 1, [1] * 512)
        self.assertEqual(len(receiver.retrieve(1)[0].data), 512)

    def test_13_l2drv_and_node_obid(self):
        sender, partner = self.pair()
        other = self.login()
        sender.ok("SEND 0,20,3,0,,,-,1")
        self.assertEqual(partner.retrieve(1)[0].obid, sender.channel_id())
        other.retrieve(1)
        # node-red out names its partner's channel; this one must not get the event.
        sender.ok(f"SEND 0,20,3,{partner.channel_id()},,,-,2")
        self.assertEqual(other.retrieve(1)[0].obid, sender.channel_id())
        sender.ok("SEND 0,20,3,0,,,-,3")
        self.assertEqual(partner.retrieve(1)[0].data, [3])

    def test_14_all_no_echo_but_other_connections_of_the_user(self):
        first, second = self.pair()
        first.send_event(20, 3, [1])
        self.assertEqual(second.retrieve(1)[0].data, [1])
        self.assertEqual(first.waiting(), 0)

    # -- SEND in --------------------------------------------------------------------------------------------------

    def test_15_timestamps_of_all_clients(self):
        event, _ = self.exchange(f"256,20,3,0,,1764644645123456789,{GUID},1")  # cpp 2026
        self.assertEqual((event.date, event.head & 0xE0), ("2025-12-02T03:04:05Z", 0))
        event, _ = self.exchange(f"0,20,3,0,2026-11-22T01:02:03Z,1000,{GUID},1")  # cpp 2025
        self.assertEqual((event.date, event.stamp), ("2026-11-22T01:02:03Z", 1000))
        event, _ = self.exchange(f"0,20,3,0,2026-11-22T01:02:03.456Z,1000,{GUID},1")  # node
        self.assertEqual((event.date, event.stamp), ("2026-11-22T01:02:03Z", 1000))
        event, _ = self.exchange(f"0,20,3,0,2026-11-22T01:02:03,0,{GUID},1")  # hass: 0 is kept
        self.assertEqual((event.date, event.stamp), ("2026-11-22T01:02:03Z", 0))
        year = datetime.datetime.now(datetime.timezone.utc).year
        event, _ = self.exchange(f"0,20,3,0,,1000,{GUID},1")  # arduino: microseconds, not nanoseconds
        self.assertEqual(event.stamp, 1000)
        self.assertIn(int(event.date[:4]), (year, year + 1))
        event, _ = self.exchange(f"0,20,3,0,,,{GUID},1")  # samples
        self.assertIn(int(event.date[:4]), (year, year + 1))
        event, _ = self.exchange(f"0,20,3,0,,-2094967296,{GUID},1")  # arduino after 35 minutes
        self.assertEqual(event.stamp, 2200000000)

    def test_16_guids_and_empty_data_of_all_clients(self):
        for guid in ["-", "", ":".join(["00"] * 16)]:
            receiver, sender = self.pair()
            own = sender.guid()
            sender.ok(f"SEND 0,20,3,0,,,{guid},1")
            self.assertEqual(receiver.retrieve(1)[0].guid, own, repr(guid))
        self.assertEqual(self.exchange(f"0,20,3,0,,,{GUID.lower()},1")[0].guid, GUID)
        self.assertEqual(self.exchange(f"0,20,3,,,,{GUID},")[0].data, [])  # arduino
        self.assertEqual(self.exchange(f"0,20,3,0,,,{GUID}")[0].data, [])
        self.assertEqual(self.exchange(f"0,20,3,0,,,{GUID},10,0x0A,0xfF")[0].data, [10, 10, 255])
        event, _ = self.exchange(f"{0x100 | 3 << 5},20,3,0,,,{GUID},1")
        self.assertEqual(event.priority, 3)

    def test_17_filters_of_all_clients(self):
        sender, receiver = self.pair()
        zero = ":".join(["00"] * 16)
        for form in ["SFLT 0,10,6,{z}|SMSK 0,65535,65535,{z}", "SETFILTER 0x0,0xa,0x6,{z}|SETMASK 0x0,0xffff,0xffff,{z}"]:
            for line in form.format(z=zero).split("|"):
                receiver.ok(line)
            sender.send_event(20, 3, [1])
            sender.send_event(10, 6, [2])
            self.assertEqual(receiver.retrieve(1)[0].data, [2])
        receiver.ok(f"SFLT 0,0,0,{GUID.lower()}")
        receiver.ok("SMSK 0,0,0," + ":".join(["ff"] * 16))
        sender.send_event(20, 3, [3])
        sender.send_event(20, 3, [4], guid=GUID)
        self.assertEqual(receiver.retrieve(1)[0].data, [4])
        self.assertEqual(receiver.command("SETGUID -"), ["+OK - Success."])  # node's default argument

    # -- receive loop ---------------------------------------------------------------------------------------------

    def test_18_node_gap_between_reply_and_waiting_events(self):
        sender, receiver = self.pair()
        sender.send_event(20, 3, [1])
        receiver.wait_waiting(1)
        for _ in range(3):
            receiver.send_line("RCVLOOP")
            first = receiver.socket.recv(65536)
            self.assertTrue(first.endswith(b"QUITLOOP to terminate.\r\n"), first)
            self.assertEqual(receiver.read_event().data, [1])
            receiver.ok("QUITLOOP")
            sender.send_event(20, 3, [1])
            receiver.wait_waiting(1)

    def test_19_node_sign_of_life_is_plus_ok_only(self):
        client = self.login()
        client.ok("RCVLOOP")
        begin = time.monotonic()
        self.assertEqual([client.read_line(), client.read_line()], ["+OK", "+OK"])
        print(f"two signs of life in {time.monotonic() - begin:.1f} s")

    def test_20_hass_sends_inside_the_loop(self):
        hass, other = self.pair()
        hass.ok("RCVLOOP")
        for number in range(50):
            other.send_event(20, 3, [number])
            hass.send_line(f"SEND 0,20,4,0,,,-,{number}")
        replies, events = 0, []
        while replies < 50 or len(events) < 50:
            line = hass.read_line()
            if line == "+OK - Success.":
                replies += 1
            elif line != "+OK":
                events.append(Event(line).data[0])
        self.assertEqual(events, list(range(50)))
        self.assertEqual([e.data[0] for e in other.retrieve(50)], list(range(50)))
        hass.send_line("QUITLOOP")
        self.assertEqual(hass.read_line(), "+OK - Quit receive loop.")

    def test_21_node_event_is_out_as_soon_as_it_is_there(self):
        """An event that comes alone is one read of one whole line."""
        sender, receiver = self.pair()
        receiver.ok("RCVLOOP")
        for number in range(30):
            sender.send_event(1024, 1, [number] * 487)
            while True:
                text = receiver.socket.recv(65536).decode()
                if text != "+OK\r\n":
                    break
            self.assertEqual(text.count("\r\n"), 1)
            self.assertEqual(Event(text.removesuffix("\r\n")).data, [number] * 487)

    # -- answers --------------------------------------------------------------------------------------------------

    def test_22_node_interface_rows(self):
        client = self.login()
        channel, guid = client.channel_id(), client.guid()
        for line in ["INTERFACE LIST", "INTERFACE", "interface list"]:
            rows = client.ok(line)
            self.assertTrue(rows)
            for row in rows:
                self.assertRegex(row, r"^\d+,\d+,([0-9A-F]{2}:){15}[0-9A-F]{2},[^,|]*\|Started at "
                                      r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?$")
                items = row.split(",")  # as node takes it apart
                self.assertEqual(len(items[3].split("|")), 2)
            self.assertTrue([row for row in rows if row.startswith(f"{channel},") and guid in row], rows)
        print("\n".join(rows))

    def test_23_cpp_what_can_you_do_is_two_lines(self):
        reply = self.login().command("WCYD")
        self.assertEqual(len(reply), 2)
        self.assertRegex(reply[0], r"^([0-9A-F]{2}-){7}[0-9A-F]{2}$")

    def test_24_all_value_lines(self):
        client, other = self.pair()
        self.assertEqual(client.command("CDTA"), ["0", "+OK - Success."])
        self.assertRegex(client.ok("VERSION")[0], r"^\d+,\d+,\d+,\d+$")
        self.assertNotEqual(client.channel_id(), other.channel_id())
        self.assertRegex(client.ok("STAT")[0], r"^(\d+,){6}\d+$")
        self.assertRegex(client.ok("INFO")[0], r'^\d+,\d+,\d+,"[^"]*"$')
        self.assertRegex(client.command("CHALLENGE")[0], r"^\+OK - [0-9a-f]{32}$")

    def test_25_hass_and_node_retr(self):
        sender, receiver = self.pair()
        receiver.refused("RETR", "-OK - No event(s) available")
        for number in range(3):
            sender.send_event(20, 3, [number])
        receiver.wait_waiting(3)
        reply = receiver.command("RETR 10")
        self.assertEqual(reply[-1], "-OK - No event(s) available")
        self.assertEqual([Event(line).data for line in reply[:-1]], [[0], [1], [2]])
        # node asks for 100 in one reply of about 100 kB.
        for number in range(100):
            sender.send_event(1024, 1, [number] + [200] * 254)
        events = receiver.retrieve(100)
        self.assertEqual([event.data[0] for event in events], list(range(100)))

    def test_26_all_queue_fills_from_login_on(self):
        sender, receiver = self.pair()
        sender.send_event(20, 3, [1])
        receiver.wait_waiting(1)
        receiver.ok("CLRALL")
        self.assertEqual(receiver.waiting(), 0)
        sender.send_event(20, 3, [2])
        receiver.wait_waiting(1)
        receiver.ok("RCVLOOP")
        self.assertEqual(receiver.read_event().data, [2])


if __name__ == "__main__":
    unittest.main(verbosity=2)
