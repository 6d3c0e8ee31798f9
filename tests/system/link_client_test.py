"""The link client of the daemon against other routers and against devices: every acknowledged event is counted."""

import json
import signal
import socket
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, poll, user  # noqa: E402
from link_client import Closed, Event  # noqa: E402
from link_peer import Device, Flood, HalfLine, NoEnd, NoLineEnd, Refuser, event  # noqa: E402
from traffic import Traffic  # noqa: E402

FAST = {"retry-s": 1, "retry-max-s": 1, "login-retry-s": 1}


def entry(port, name="far", **more):
    """One entry of "link-client"."""
    out = {"name": name, "host": f"tcp://127.0.0.1:{port}", "user": "admin", "password": "secret"} | FAST
    out.update({key.replace("_", "-"): value for key, value in more.items()})
    return out


def device_entry(port, name="device", **more):
    return {key: value for key, value in entry(port, name, **more).items() if key not in ("user", "password")}


def row(daemon, name="far"):
    """What the daemon tells of a remote."""
    return next(r for r in daemon.admin("stat")["drivers"] if r["name"] == name)


def wait_state(daemon, state, name="far", deadline_s=20):
    try:
        poll(lambda: row(daemon, name)["state"] == state, deadline_s, f"state {state}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {row(daemon, name)}") from None


def number_of(line_or_event):
    data = line_or_event.data if isinstance(line_or_event, Event) else [int(n) for n in line_or_event.split(",")[7:]]
    return data[0] << 8 | data[1]


class Sender:
    """Sends numbered events, keeps the numbers that were acknowledged."""

    def __init__(self, test, daemon, vscp_type=3):
        self.client = daemon.login()
        test.addCleanup(self.client.close)
        self.vscp_type = vscp_type
        self.next = 0
        self.acknowledged = []

    def send(self, count):
        numbers = range(self.next, self.next + count)
        self.next += count
        self.client.send_raw("".join(
            f"SEND 0,20,{self.vscp_type},0,,,-,{n >> 8},{n & 255}\r\n" for n in numbers).encode())
        for n in numbers:
            assert self.client.read_line().startswith("+OK")
            self.acknowledged.append(n)


class Receiver:
    """In the receive loop; keeps the numbers of what comes, by type."""

    def __init__(self, test, daemon):
        self.client = daemon.login()
        self.client.ok("RCVLOOP")
        self.numbers = {}
        test.addCleanup(self.close)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while True:
                try:
                    found = self.client.read_event()
                except AssertionError as error:
                    if "nothing more in time" not in str(error):
                        raise
                    continue
                if found.vscp_class == 20:
                    self.numbers.setdefault(found.vscp_type, []).append(number_of(found))
        except (Closed, OSError):
            pass

    def close(self):
        try:
            self.client.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.client.close()

    def count(self, vscp_type=3):
        return len(self.numbers.get(vscp_type, []))

    def wait(self, count, vscp_type=3, deadline_s=30):
        poll(lambda: self.count(vscp_type) >= count, deadline_s, f"{count} events, {self.count(vscp_type)} came")
        return self.numbers[vscp_type]


class Remotes(unittest.TestCase):
    def keep(self, thing):
        """Entered now, left when the test is over: last first."""
        return self.enterContext(thing)

    def daemon(self, *remotes, **more):
        return self.keep(Daemon(config={"link-client": list(remotes)} if remotes else None, **more))


class Routers(Remotes):
    def test_01_two_routers_exchange_every_event_once_in_order(self):
        for form in ("text", "binary"):
            with self.subTest(form):
                self.check_two_routers(form)

    def check_two_routers(self, form):
        far = self.daemon()
        near = self.daemon(entry(far.port, format=form))
        wait_state(near, "connected")
        far_in, near_in = Receiver(self, far), Receiver(self, near)
        from_near, from_far = Sender(self, near, 3), Sender(self, far, 4)
        for _ in range(10):
            from_near.send(500)
            from_far.send(500)
        for receiver in (far_in, near_in):
            self.assertEqual(receiver.wait(5000, 3), from_near.acknowledged)
            self.assertEqual(receiver.wait(5000, 4), from_far.acknowledged)
        poll(lambda: row(near)["events_out"] == 5000, what="all answered")
        found = row(near)
        self.assertEqual((found["events_in"], found["duplicates"], found["echoes"], found["refused"], found["queued"]),
                         (5000, 0, 0, 0, 0))
        modes = sorted(session["mode"] for session in far.admin("sessions")["sessions"])
        self.assertEqual(modes.count("binary") + modes.count("binary open"), 2 if form == "binary" else 0, modes)

    def check_one_in_one_out_at_each(self, routers):
        receivers = [Receiver(self, router) for router in routers]
        senders = [Sender(self, router, 3 + i) for i, router in enumerate(routers)]
        for _ in range(5):
            for sender in senders:
                sender.send(200)
        for receiver in receivers:
            for sender in senders:
                receiver.wait(1000, sender.vscp_type)
        # What is sent last comes behind everything that still goes round.
        for sender in senders:
            sender.send(1)
        for receiver in receivers:
            for sender in senders:
                self.assertEqual(sorted(receiver.wait(1001, sender.vscp_type)), sender.acknowledged)
        self.assertGreater(sum(router.admin("stat")["total"]["events_duplicate"] for router in routers), 0)

    def test_02_ring_of_three_one_event_in_one_out_at_each(self):
        for form in ("text", "binary"):
            with self.subTest(form):
                self.check_ring(form)

    def check_ring(self, form):
        routers = [self.daemon(workers=1)]
        routers.append(self.daemon(entry(routers[0].port, format=form)))
        routers.append(self.daemon(entry(routers[1].port, format=form)))
        # The ring is closed when the first one, on the port that it has, gets its link to the last.
        first = routers[0]
        first.stop()
        config = json.loads(first.config_path.read_text())
        config["link"][0]["interface"] = f"127.0.0.1:{first.port}"
        config["link-client"] = [entry(routers[2].port, format=form)]
        first.config_path.write_text(json.dumps(config))
        first.start()
        for router in routers:
            wait_state(router, "connected")
        self.check_one_in_one_out_at_each(routers)

    def test_02_triangle_whose_links_all_begin_at_two_of_them(self):
        routers = [self.daemon(workers=1)]
        routers.append(self.daemon(entry(routers[0].port, "to0")))
        routers.append(self.daemon(entry(routers[0].port, "to0"), entry(routers[1].port, "to1")))
        wait_state(routers[1], "connected", "to0")
        wait_state(routers[2], "connected", "to0")
        wait_state(routers[2], "connected", "to1")
        self.check_one_in_one_out_at_each(routers)

    def test_03_far_side_away_events_wait_and_none_is_lost(self):
        far = self.daemon()
        near = self.daemon(entry(far.port))
        wait_state(near, "connected")
        sender = Sender(self, near)
        sender.send(100)
        port = far.port
        poll(lambda: row(near)["queued"] == 0, what="all out")
        far.stop()
        sender.send(1000)
        poll(lambda: row(near)["state"] in ("waiting", "connecting"), what="the loss noticed")
        self.assertGreaterEqual(row(near)["queued"], 1000)
        # The same address again.
        text = far.config_path.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}")
        far.config_path.write_text(text)
        far.start()
        second = Receiver(self, far)
        wait_state(near, "connected")
        sender.send(100)
        poll(lambda: row(near)["queued"] == 0, 20, "all out again")
        # The receiver may have logged in after the first of them came: what counts is what the router answered for.
        self.assertEqual(row(near)["events_out"], 1200)
        self.assertEqual(row(near)["dropped"], 0)
        self.assertTrue(second.numbers[3] == sender.acknowledged[-second.count():], second.numbers)

    def test_04_killed_again_and_again_nothing_acknowledged_is_lost(self):
        sink = self.daemon()  # it stays; the one in the middle is killed
        middle = self.daemon(entry(sink.port))
        middle.config_path.write_text(middle.config_path.read_text().replace("127.0.0.1:0", f"127.0.0.1:{middle.port}"))
        near = self.daemon(entry(middle.port, receive=False, format="binary"))
        wait_state(near, "connected")
        sender = Sender(self, near)
        for _ in range(4):
            sender.send(300)
            middle.process.kill()
            middle.process.wait()
            sender.send(300)
            middle.start()
            poll(lambda: row(near)["queued"] == 0, 30, "all out")
        found = row(near)
        self.assertEqual(found["events_out"], len(sender.acknowledged))
        self.assertEqual(found["dropped"] + found["refused"], 0)

    def test_05_a_far_side_that_hangs_is_noticed_and_everything_comes_later(self):
        far = self.daemon()
        near = self.daemon(entry(far.port, watchdog_s=3, answer_timeout_s=1))
        wait_state(near, "connected")
        receiver = Receiver(self, far)
        sender = Sender(self, near)
        sender.send(100)
        receiver.wait(100)
        far.process.send_signal(signal.SIGSTOP)
        try:
            sender.send(500)
            poll(lambda: row(near)["state"] in ("waiting", "connecting"), 20, "the hang noticed")
            self.assertRegex(row(near)["last_error"], "did not answer in 1 s|nothing has come from the far side for 3 s")
        finally:
            far.process.send_signal(signal.SIGCONT)
        wait_state(near, "connected")
        receiver.wait(600)
        poll(lambda: row(near)["queued"] == 0, 20, "all out")
        # What was on its way twice is known over there, and dropped. The old connection and the new one are read side by side, so that
        # their events may change places.
        self.assertGreater(row(near)["resent"], 0)
        self.assertEqual(sorted(receiver.numbers[3]), sender.acknowledged)

    def test_06_wrong_password_is_told_and_retried(self):
        far = self.daemon(link={"login-failure-delay-ms": 1, "login-failure-delay-max-ms": 1})
        near = self.daemon(entry(far.port, password="wrong"))
        poll(lambda: "refuses the login of user 'admin'" in row(near)["last_error"], 20, "the refusal")
        self.assertIn("Invalid username or password", row(near)["last_error"])
        poll(lambda: row(near)["connects"] >= 2, 20, "another attempt")
        self.assertNotIn("wrong", near.output().replace("wrong password", ""))

    def test_07_filters_per_direction(self):
        far = self.daemon()
        near = self.daemon(entry(far.port, filter={"in-filter": "0,20,4,-", "in-mask": "0,0,65535,-", "out-filter": "0,0,5,-",
                                                   "out-mask": "0,0,65535,-"}, filter_remote=True))
        wait_state(near, "connected")
        far_in, near_in = Receiver(self, far), Receiver(self, near)
        for vscp_type in (3, 4, 5):
            Sender(self, near, vscp_type).send(10)
            Sender(self, far, vscp_type).send(10)
        far_in.wait(20, 5)
        near_in.wait(20, 4)
        poll(lambda: row(near)["queued"] == 0, what="all out")
        self.assertEqual((far_in.count(3), far_in.count(4), far_in.count(5)), (10, 10, 20))
        self.assertEqual((near_in.count(3), near_in.count(4), near_in.count(5)), (10, 20, 10))
        self.assertEqual(row(near)["filtered"], 0)  # the far side has not even sent them


class Devices(Remotes):
    """Minimal devices, and worse."""

    def events_of(self, receiver, count):
        return sorted(receiver.wait(count))

    def test_10_device_visited_at_intervals(self):
        for user_and_password, count in ((None, True), (("pump", "well 7"), False)):
            with self.subTest(login=user_and_password, cdta=count):
                device = self.keep(Device(user_and_password, count))
                device.waiting = [event(n) for n in range(250)]
                more = {"mode": "interval", "interval_s": 1}
                near = self.daemon(device_entry(device.port, **more) if user_and_password is None else
                                   entry(device.port, "device", user="pump", password="well 7", **more))
                receiver, sender = Receiver(self, near), Sender(self, near, 5)
                sender.send(40)
                poll(lambda: len(device.sent) >= 40, 20, "what waited is sent")
                with device.lock:
                    device.waiting += [event(n) for n in range(250, 300)]
                # Events that came in before the receiver was there are not for it.
                poll(lambda: row(near, "device")["events_in"] == 300, 20, "all fetched")
                receiver.wait(50)
                self.assertEqual([number_of(line) for line in device.sent], sender.acknowledged)
                poll(lambda: device.connections >= 3, 20, "visits")
                with device.lock:
                    self.assertGreaterEqual(device.commands.count("QUIT"), 2)
                    self.assertNotIn("RCVLOOP", device.commands)
                found = row(near, "device")
                self.assertEqual((found["events_out"], found["queued"], found["bad"], found["refused"], found["last_error"]),
                                 (40, 0, 0, 0, ""))

    def test_11_device_without_receive_loop_is_polled_on_one_connection(self):
        device = self.keep(Device())
        near = self.daemon(device_entry(device.port, poll_interval_ms=50))
        wait_state(near, "polling", "device")
        receiver, sender = Receiver(self, near), Sender(self, near, 5)
        for round_ in range(5):
            with device.lock:
                device.waiting += [event(n) for n in range(round_ * 30, round_ * 30 + 30)]
            sender.send(20)
            self.assertEqual(self.events_of(receiver, round_ * 30 + 30), list(range(round_ * 30 + 30)))
        poll(lambda: len(device.sent) >= 100, 20, "all sent")
        self.assertEqual([number_of(line) for line in device.sent], sender.acknowledged)
        self.assertEqual(device.connections, 1)

    def test_12_greetings_of_all_kinds(self):
        greetings = (b"+OK\r\n", b"12 volts\n", b"", b"Hello\r\n\r\nI am\r\n+ok ready\r\n")
        devices = [self.keep(Device(greeting=greeting)) for greeting in greetings]
        near = self.daemon(*(device_entry(device.port, f"device {i}") for i, device in enumerate(devices)))
        for i in range(len(devices)):
            wait_state(near, "polling", f"device {i}")

    def test_13_connection_breaks_in_the_middle_of_everything(self):
        device = self.keep(Device())
        near = self.daemon(device_entry(device.port, mode="interval", interval_s=1))
        sender = Sender(self, near, 5)
        for _ in range(5):
            sender.send(20)
            device.drop_all()
        poll(lambda: row(near, "device")["queued"] == 0, 30, "all sent")
        sent = [number_of(line) for line in device.sent]
        self.assertEqual(sorted(set(sent)), sender.acknowledged)
        # One SEND at a time, so that at most one per connection came twice.
        self.assertLessEqual(len(sent) - len(set(sent)), device.connections)

    def test_14_refused_events_are_counted_and_do_not_block(self):
        device = self.keep(Device(refuse_send=True))
        near = self.daemon(device_entry(device.port))
        wait_state(near, "polling", "device")
        Sender(self, near, 5).send(50)
        poll(lambda: row(near, "device")["refused"] == 50, 20, "all refused")
        self.assertEqual(row(near, "device")["queued"], 0)

    def test_15_minus_ok_to_everything(self):
        device = self.keep(Refuser())
        near = self.daemon(entry(device.port, "login"), device_entry(device.port, "open"))
        poll(lambda: "refuses the login" in row(near, "login")["last_error"], 20, "the refused login")
        wait_state(near, "polling", "open")
        Sender(self, near, 5).send(10)
        poll(lambda: row(near, "open")["refused"] == 10, 20, "all refused")

    def test_16_greeting_or_line_without_end(self):
        endless, long_line = self.keep(NoEnd()), self.keep(NoLineEnd())
        near = self.daemon(device_entry(endless.port, "endless"), device_entry(long_line.port, "long"))
        poll(lambda: "greeting of the far side has no end" in row(near, "endless")["last_error"], 20, "the end of the greeting")
        poll(lambda: "longer than 4096 bytes" in row(near, "long")["last_error"], 20, "the end of the line")
        # Nobody else notices.
        receiver, sender = Receiver(self, near), Sender(self, near)
        sender.send(100)
        self.assertEqual(receiver.wait(100), sender.acknowledged)

    def test_17_half_a_line_is_no_event(self):
        device = self.keep(HalfLine())
        near = self.daemon(device_entry(device.port, deduplicate=False))
        receiver = Receiver(self, near)
        device.go.set()
        poll(lambda: device.loops >= 2, 20, "a second attempt")
        poll(lambda: row(near, "device")["events_in"] == 2, 20, "both events")
        self.assertEqual(row(near, "device")["bad"], 0)
        self.assertEqual(receiver.wait(2), [1, 2])

    def test_18_a_far_side_that_floods_does_not_keep_others_waiting(self):
        flood = self.keep(Flood())
        near = self.daemon(device_entry(flood.port, "flood"))
        wait_state(near, "connected", "flood")
        with Traffic(near, "admin") as traffic:
            flood.go.set()
            poll(lambda: row(near, "flood")["events_in"] > 10_000, 30, "the flood")
            traffic.wait_for_more(500)
        flood.running = False

    def test_19_nobody_there(self):
        closed = Device()
        closed.close()
        near = self.daemon(device_entry(closed.port, "closed"), device_entry(1, "name", host="no.such.name.invalid"))
        poll(lambda: "Connection refused" in row(near, "closed")["last_error"], 20, "the refusal")
        poll(lambda: "has no address" in row(near, "name")["last_error"], 30, "the unknown name")


if __name__ == "__main__":
    unittest.main(verbosity=2)
