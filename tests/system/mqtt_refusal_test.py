"""What a broker refuses: named, counted and told to the operator; everything else flows on, and nothing else is lost."""

import struct
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Tally, number_of  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402
from fake_broker import CLOSE, SILENT, FakeBroker  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402
from mqtt_test import connected, remote, section  # noqa: E402

GOOD, BAD = 40, 66
V5 = {"protocol-version": 5}
NOT_AUTHORISED, QUOTA = 0x87, 0x97


def out(broker, **more):
    """A section whose messages must arrive."""
    keys = {"publish": [{"topic": "site/{{class}}", "qos": 1, "format": "string"}], "spool": {}}
    keys.update(more)
    return section(broker, **keys)


def send(client, number, vscp_class=GOOD, size=8):
    data = [number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255] + [0] * (size - 4)
    client.ok(f"SEND 96,{vscp_class},1,0,,,-,{','.join(map(str, data))}")


def tally(fake):
    out_of = Tally()
    for topic, payload, *_ in list(fake.accepted):
        if topic == f"site/{GOOD}":
            out_of.add(number_of(payload.decode()))
    return out_of


def log_line(daemon, *words):
    """Waits for a line of the log with all the words."""
    return poll(lambda: next((line for line in daemon.output().splitlines() if all(word in line for word in words)), None), 10,
                f"a line with {words}")


def closing(topic, how=CLOSE):
    """A rule: the connection is closed at a message on this topic."""
    return lambda name, payload, qos: how if name == topic else None


class Sites:
    """Several daemons, each with its own section, all at once: with several brokers in one process the MQTT library takes seconds to
    connect again. `sections`: name -> (broker, more keys)."""

    def __init__(self, **sections):
        self.brokers = {name: broker for name, (broker, _) in sections.items()}
        self.daemons = {name: Daemon(config={"mqtt": out(broker, **keys)}, workers=1) for name, (broker, keys) in sections.items()}

    def __enter__(self):
        for daemon in self.daemons.values():
            daemon.start()
        return self

    def __exit__(self, kind, *unused):
        for daemon in self.daemons.values():
            daemon.__exit__(kind, None, None)
        for broker in self.brokers.values():
            broker.close()

    def send(self, count, bad=None):
        """So many events to each; before the one with the number `bad` one of class BAD."""
        for daemon in self.daemons.values():
            with daemon.login() as client:
                for number in range(count):
                    if number == bad:
                        send(client, 0, BAD, 40)
                    send(client, number)

    def check(self, name, count, duplicates):
        """All good events arrived in order; returns the daemon and what it says."""
        fake, daemon = self.brokers[name], self.daemons[name]
        poll(lambda: len(tally(fake).counts) >= count, 20, f"arrival of all others at {name}")
        poll(lambda: remote(daemon)["events_waiting"] == 0, 10, f"an empty spool of {name}")
        got = tally(fake)
        assert not got.missing(range(count)) and not got.disorder and got.duplicates() <= duplicates, \
            f"{name}: missing {got.missing(range(count))}, {got.disorder} out of order, {got.duplicates()} twice"
        return daemon, remote(daemon)


class Refusal(unittest.TestCase):
    # -- what makes a broker close the connection ---------------------------------------------------------------------

    def test_what_closes_the_connection_is_found_and_dropped(self):
        bad = f"site/{BAD}"
        sites = Sites(
            clean=(FakeBroker(closing(bad)), {}),
            session=(FakeBroker(closing(bad)), {"clientid": "router", "bcleansession": False}),
            blames=(FakeBroker(closing(bad, bytes([0xe0, 1, NOT_AUTHORISED]))), {"mqtt-options": V5}),
            no_qos_2=(FakeBroker(lambda topic, payload, qos: CLOSE if qos == 2 else None), {"daemon-topics": True}),
            no_subscriber=(FakeBroker(subscribe=lambda topic: CLOSE if topic == "no/#" else None),
                           {"subscribe": [{"topic": "yes/#"}, {"topic": "no/#"}, {"topic": "also/#"}]}))
        with sites:
            sites.send(300, bad=150)
            for name in ("clean", "session", "blames"):
                daemon, stat = sites.check(name, 300, 8 * 300)
                self.assertEqual((stat["messages_poison"], stat["messages_refused"]), (1, 0))
                self.assertIn(bad, stat["last_error"])
                log_line(daemon, "error", bad, "dropped", "closes the connection", "bytes")
            log_line(sites.daemons["blames"], bad, "Not authorized")
            self.check_a_topic_is_banned(sites, bad)
            daemon, stat = sites.check("no_qos_2", 300, 8 * 300)
            self.assertEqual(stat["messages_poison"], 1)
            log_line(daemon, "error", "server-name", "not sent any more")
            daemon, stat = sites.check("no_subscriber", 300, 8 * 300)
            self.assertEqual(stat["messages_poison"], 0)
            self.assertIn("no/#", stat["last_error"])
            log_line(daemon, "error", "no longer subscribing to no/#", "rights")
            poll(lambda: {"yes/#", "also/#"} <= set(sites.brokers["no_subscriber"].subscribed), what="the other subscriptions")

    def check_a_topic_is_banned(self, sites, bad):
        """The third message in a row on the same topic: it is the topic."""
        with sites.daemons["clean"].login() as client:
            for number in range(4):
                send(client, number, BAD, 40)
                send(client, 300 + number)
        daemon, stat = sites.check("clean", 304, 12 * 304)
        self.assertEqual(stat["messages_poison"], 5)
        log_line(daemon, "error", f"messages on {bad} are dropped for ten minutes")
        with daemon.login() as client:
            connects = stat["connects"]
            send(client, 9, BAD)
            send(client, 304)
        _, stat = sites.check("clean", 305, 12 * 305)
        self.assertEqual((stat["messages_poison"], stat["connects"]), (6, connects))

    def test_a_broker_that_comes_and_goes_or_hangs_is_no_reason_to_drop(self):
        counter = iter(range(1 << 30))
        flapping = FakeBroker(lambda topic, payload, qos: CLOSE if next(counter) % 37 == 36 else None)
        # Answers nothing at all on the first connection, not even a ping.
        mute = FakeBroker(lambda topic, payload, qos: SILENT if mute.connections < 2 else None)
        accepting = b"\x20\x02\0\0"
        garbage = FakeBroker(connect=lambda number: accepting + bytes(range(256)) * 8 if number < 3 else None)
        unasked = b"".join(struct.pack(">BBH", kind, 2, number) for number in (1, 7, 60000) for kind in (0x40, 0x50, 0x62, 0x70))
        strange = FakeBroker(connect=lambda number: accepting + unasked)
        with Sites(flapping=(flapping, {}), mute=(mute, {"keepalive": 1}), garbage=(garbage, {}), strange=(strange, {})) as sites:
            sites.send(120)
            for name in sites.brokers:
                _, stat = sites.check(name, 120, 20 * 120)
                self.assertEqual((stat["messages_poison"], stat["messages_refused"]), (0, 0), name)
            self.assertGreater(flapping.connections, 3)
            self.assertEqual((mute.connections, garbage.connections, strange.connections), (2, 3, 1))

    def test_a_packet_that_is_too_large(self):
        """A real broker: MQTT 5 tells its limit, with 3.1.1 it closes the connection."""
        with Broker("max_packet_size 400") as broker, MqttClient(broker.port, "watcher").subscribe("#", qos=1) as watcher:
            new = out(broker, publish=[{"topic": "new/{{class}}", "qos": 1, "format": "string"}], **{"mqtt-options": V5})
            with Daemon(config={"mqtt": out(broker)}) as old_daemon, Daemon(config={"mqtt": new}) as new_daemon:
                for daemon in (old_daemon, new_daemon):
                    with daemon.login() as client:
                        for number in range(60):
                            send(client, number, GOOD, 400 if number == 30 else 8)
                got = {"site/40": Tally(), "new/40": Tally()}
                while any(len(one.counts) < 59 for one in got.values()):
                    event = watcher.read()
                    got[event.topic].add(number_of(event.payload.decode()))
                for one in got.values():
                    self.assertEqual((one.missing(range(60)), one.disorder), ([30], 0))
                for daemon, key, connects in ((old_daemon, "messages_poison", 50), (new_daemon, "messages_oversized", 1)):
                    poll(lambda d=daemon: remote(d)["events_waiting"] == 0, what="an empty spool")
                    self.assertEqual(remote(daemon)[key], 1)
                    self.assertLessEqual(remote(daemon)["connects"], connects)
                log_line(new_daemon, "error", "new/40", "larger than the 400")

    def test_batches_of_a_site_become_as_small_as_the_broker_takes_them(self):
        with Broker("max_packet_size 4000") as broker:
            links = [section(broker, name="link", site={"name": name, "peer": peer}, spool={}, **more)
                     for name, peer, more in (("north", "south", {}), ("south", "north", {"mqtt-options": V5}))]
            with Daemon(config={"mqtt": links[0]}) as north, Daemon(config={"mqtt": links[1]}) as south:
                connected(north, "link")
                connected(south, "link")
                with north.login() as left, south.login() as right:
                    for client in (left, right):
                        client.ok("RCVLOOP")
                    broker.freeze()
                    with north.login() as left_sender, south.login() as right_sender:
                        for number in range(200):
                            send(left_sender, number, size=100)
                            send(right_sender, number, GOOD + 1, 100)
                    broker.thaw()
                    for client, theirs in ((right, GOOD), (left, GOOD + 1)):
                        events = [client.read_event() for _ in range(400)]
                        self.assertEqual([event.data[3] for event in events if event.vscp_class == theirs], list(range(200)))
                self.assertEqual(remote(south, "link")["connects"], 1)
                log_line(north, "warning", "batches under way: they get smaller")

    # -- what a broker answers ------------------------------------------------------------------------------------------

    def test_what_the_connack_says_is_kept_to(self):
        properties = b"\x24\x00" + b"\x25\x00" + b"\x13\x00\x07"  # maximum QoS 0, no retain, keep-alive 7 s
        with FakeBroker(properties=properties) as fake:
            topics = {"publish": [{"topic": "site/{{class}}", "qos": 1, "retain": True, "format": "string"}], "mqtt-options": V5}
            with Daemon(config={"mqtt": out(fake, **topics)}) as daemon:
                with daemon.login() as client:
                    for number in range(50):
                        send(client, number)
                poll(lambda: len(fake.accepted) >= 50, what="arrival")
                self.assertEqual({(qos, retain) for _, _, qos, retain in fake.accepted}, {(0, False)})
                self.assertEqual(fake.keep_alives, [30, 7])
                self.assertEqual(len(fake.accepted), 50)
                log_line(daemon, "warning", "QoS above 0")
                log_line(daemon, "warning", "retains no messages")

    def test_no_more_is_under_way_than_the_broker_takes(self):
        """MQTT 5, 3.3.4. The library would keep the rest, and look again after a second: mosquitto says 20 unless told otherwise."""
        goes_on = threading.Event()
        with FakeBroker(lambda topic, payload, qos: None if goes_on.wait(60) else CLOSE, properties=b"\x21\x00\x07") as fake:
            self.addCleanup(goes_on.set)
            with Daemon(config={"mqtt": out(fake, **{"mqtt-options": V5})}) as daemon, daemon.login() as client:
                connected(daemon)
                for number in range(50):
                    send(client, number)
                poll(lambda: remote(daemon)["events_waiting"] == 50 and remote(daemon)["messages_sent"] >= 7, what="events that wait")
                self.assertEqual(remote(daemon)["messages_sent"], 7)
                goes_on.set()
                poll(lambda: remote(daemon)["events_waiting"] == 0, what="all acknowledged")
                self.assertEqual([number_of(payload.decode()) for _, payload, *_ in fake.accepted], list(range(50)))

    def test_later_is_no_refusal(self):
        asked = {}

        def quota(topic, payload, qos):
            number = number_of(payload.decode())
            asked[number] = asked.get(number, 0) + 1
            return QUOTA if number % 25 == 7 and asked[number] < 2 else None

        with FakeBroker(quota, connect=lambda number: 0x89 if number == 1 else None) as fake:
            with Daemon(config={"mqtt": out(fake, **{"mqtt-options": V5})}) as daemon:
                with daemon.login() as client:
                    for number in range(100):
                        send(client, number)
                poll(lambda: len(tally(fake).counts) == 100, 20, "arrival of all")
                poll(lambda: remote(daemon)["events_waiting"] == 0, what="an empty spool")
                stat = remote(daemon)
                self.assertEqual((stat["messages_refused"], stat["messages_poison"], stat["connects_failed"]), (0, 0, 1))
                self.assertEqual(tally(fake).duplicates(), 0, "what was acknowledged does not come again")
                log_line(daemon, "now, it is sent again later", "site/40", "Quota exceeded")
                log_line(daemon, "cannot connect", "Server busy")

    def test_rights_at_a_real_broker(self):
        """mosquitto says no with MQTT 5; with 3.1.1 it acknowledges what it throws away."""
        with Broker() as broker:
            (broker.folder / "acl").write_text(f"topic write site/{GOOD}\n")
            broker.config = f"max_queued_messages 1000\nacl_file {broker.folder}/acl"
            broker.terminate()
            broker.start()
            sections = [out(broker, name="old"), out(broker, name="new", **{"mqtt-options": V5})]
            with Daemon(config={"mqtt": sections}) as daemon:
                connected(daemon, "old")
                connected(daemon, "new")
                with daemon.login() as client:
                    for number in range(20):
                        send(client, number, BAD if number == 7 else GOOD)
                poll(lambda: all(remote(daemon, name)["events_sent"] == 20 for name in ("old", "new")), what="all events sent")
                self.assertEqual(remote(daemon, "new")["messages_refused"], 1)
                self.assertEqual(remote(daemon, "new")["messages_acknowledged"], 19)
                self.assertEqual((remote(daemon, "old")["messages_refused"], remote(daemon, "old")["connects"]), (0, 1))
                log_line(daemon, "error", "mqtt new:", f"site/{BAD}", "Not authorized")

    def test_refused_at_the_door(self):
        doors = {"old_password": (FakeBroker(connect=lambda number: 4), {}, "wrong user name or password"),
                 "old_rights": (FakeBroker(connect=lambda number: 5), {}, "not authorised"),
                 "new_password": (FakeBroker(connect=lambda number: 0x86), {"mqtt-options": V5}, "Bad User Name or Password"),
                 "new_rights": (FakeBroker(connect=lambda number: 0x87), {"mqtt-options": V5}, "Not authorized"),
                 "subscription": (FakeBroker(subscribe=lambda topic: 0x80 if topic == "no/#" else None),
                                  {"subscribe": [{"topic": "yes/#"}, {"topic": "no/#"}]}, "refuses the subscription to no/#"),
                 "only_subscription": (FakeBroker(subscribe=lambda topic: 0x87), {"subscribe": [{"topic": "no/#"}], "mqtt-options": V5},
                                       "refuses the subscription to no/#: Not authorized")}
        brokers = [section(fake, name=name, **keys) for name, (fake, keys, _) in doors.items()]
        with Daemon(config={"mqtt": brokers}) as daemon:
            for name, (fake, _, words) in doors.items():
                log_line(daemon, "error", f"mqtt {name}:", words)
                poll(lambda n=name, w=words: w in remote(daemon, n)["last_error"], what=f"the reason of {name}")
                self.assertLessEqual(fake.connections, 1, "nobody asks every second with a wrong password")
        for fake, *_ in doors.values():
            fake.close()

    def test_connected_is_who_has_the_brokers_word_on_its_subscriptions(self):
        def word(topic):
            return SILENT if fake.connections == 1 else None

        def close(topic, payload, qos):
            return CLOSE if fake.connections == 1 and len(fake.accepted) == 3 else None

        with FakeBroker(subscribe=word, publish=close) as fake:
            with Daemon(config={"mqtt": out(fake, subscribe=[{"topic": "in/#"}])}) as daemon, daemon.login() as client:
                poll(lambda: "in/#" in fake.asked, what="the subscription")
                for number in range(3):
                    send(client, number)
                poll(lambda: len(fake.accepted) == 3, what="events, which do not wait for the answer")
                self.assertEqual(remote(daemon)["state"], "subscribing")
                self.assertEqual(fake.connections, 1)
                send(client, 3)  # the broker closes the connection
                connected(daemon)
                self.assertEqual((fake.connections, fake.subscribed), (2, ["in/#"]))

    def test_qos_2_is_not_asked_for_where_it_would_break_a_promise(self):
        keys = {"subscribe": [{"topic": "in/#", "qos": 2}]}
        with Sites(promised=(FakeBroker(), keys), free=(FakeBroker(), {**keys, "spool": {"enable": False}}),
                   new=(FakeBroker(), {**keys, "mqtt-options": V5})) as sites:
            for name, fake in sites.brokers.items():
                poll(lambda f=fake: f.asked, what="a subscription")
                self.assertEqual(fake.asked, {"in/#": 1 if name == "promised" else 2}, name)
            log_line(sites.daemons["promised"], "warning", "QoS 1 in place of 2")

    # -- what comes in ----------------------------------------------------------------------------------------------------

    def test_the_longest_topic_and_the_largest_message(self):
        with Broker() as broker, Daemon(config={"mqtt": section(broker, subscribe=[{"topic": "in/#", "qos": 1}])}) as daemon:
            connected(daemon)
            with daemon.login() as client, MqttClient(broker.port, "sender") as sender:
                client.ok("RCVLOOP")
                sender.publish("in/" + "x" * 65532, "0,20,9,0,,,-,1", qos=1)
                self.assertEqual(client.read_event().vscp_type, 9)
                sender.publish("in/large", b"x" * (16 << 20), qos=1)
                sender.publish("in/x", "0,20,10,0,,,-,1", qos=1)
                self.assertEqual(client.read_event().vscp_type, 10)
                self.assertEqual(remote(daemon)["malformed"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
