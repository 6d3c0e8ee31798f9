"""A driver library with a broker of its own: what it brings is published there, and what comes from there is for it alone."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from broker import Broker  # noqa: E402
from daemon import poll  # noqa: E402
from driver_library_test import LibraryTest, level1, level2, row, wait_running  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402
from mqtt_test import connected, remote, section  # noqa: E402

FIRST, SECOND = (f"FF:FF:FF:FF:FF:FF:FF:F5:0{number}:00:00:00:00:00:00:00" for number in (1, 2))


class Drivers(LibraryTest):
    def setUp(self):
        self.broker = Broker().start()
        self.addCleanup(self.broker.remove)

    def own(self, name):
        """The "mqtt" of a driver."""
        return section(self.broker, publish=[{"topic": name + "/out/{{driver-name}}/{{class}}/{{type}}"}],
                       subscribe=[{"topic": name + "/in"}])

    def client(self, name):
        client = MqttClient(self.broker.port, name)
        self.addCleanup(client.close)
        return client

    def test_what_comes_from_its_broker_is_for_the_driver_alone(self):
        """One gives back what is written to it, so that what it gets shows in what it brings."""
        watcher = self.client("watcher").subscribe("#", qos=1)
        with self.daemon([level2("echo", name="echo", guid=FIRST, mqtt=self.own("a"))],
                         [level1("count=2", name="other", guid=SECOND, mqtt=self.own("b"))]) as daemon:
            for name in ("echo", "other"):
                wait_running(daemon, name)
                connected(daemon, name)
                self.assertEqual(remote(daemon, name)["of_driver"], name)
            listener = self.listener(daemon)
            sender = self.client("sender")
            for number in range(5):
                sender.publish("a/in", json.dumps({"class": 20, "type": 9, "guid": FIRST, "data": [number]}), qos=1)
            # The session gets each once: as what the driver brings, not as what the broker brought.
            for number in range(5):
                event = self.wait_event(listener, 20, 9)
                self.assertEqual((event.guid[:26], event.data), (FIRST[:26], [number]))
            got = []
            while len(got) < 5:
                message = watcher.read()
                if message.topic.startswith("a/out/echo/20/9"):
                    got.append(json.loads(message.payload)["data"])
                self.assertNotEqual(message.topic[:len("b/out/other/20/9")], "b/out/other/20/9")
            self.assertEqual(got, [[number] for number in range(5)])
            with daemon.login() as session:
                session.send_event(20, 10)
            self.wait_event(listener, 20, 10)
            self.assertEqual((remote(daemon, "echo")["events_in"], remote(daemon, "other")["events_in"]), (5, 0))

    def test_only_what_it_brings_goes_to_its_broker(self):
        watcher = self.client("watcher").subscribe("#", qos=1)
        with self.daemon([level2("count=3", name="quiet", mqtt=self.own("a"))]) as daemon:
            wait_running(daemon, "quiet")
            connected(daemon, "quiet")
            seen = [watcher.read() for _ in range(4)]  # ready, and the three
            self.assertEqual(sorted(message.topic for message in seen), ["a/out/quiet/20/3"] * 3 + ["a/out/quiet/508/16"])
            with daemon.login() as sender:
                for number in range(50):
                    sender.ok(f"SEND 0,20,3,0,,,-,{number}")
            poll(lambda: row(daemon, "quiet")["events_out"] == 50, what="all at the driver")
            self.assertIsNone(watcher.read(0.3))
            self.assertEqual(remote(daemon, "quiet")["events_taken"], 4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
