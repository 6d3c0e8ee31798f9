"""Floods: every frame arrives, or is counted where it was lost, to the last one."""

import subprocess
import unittest

import bus
import router_on_can as site
from daemon import poll
from router_on_can import Router, entry

FRAMES = 6000
SESSIONS = 3


class Flood:
    """cangen as fast as it can: `count` frames, whose data are numbers that rise by one."""

    def __init__(self, device, count):
        self.process = subprocess.Popen(["cangen", device, "-g", "0", "-e", "-i", "-I", f"{bus.frame_id(3, 20, 3, 1):08X}", "-L", "8",
                                         "-D", "i", "-n", str(count)], stdin=subprocess.DEVNULL)

    def wait(self):
        assert self.process.wait(60) == 0


class Account:
    """What one interface was given since the account was opened, and where it went."""

    def __init__(self, router, device):
        self.router = router
        self.device = device
        self.start = self.now()

    def now(self):
        figures = site.figures(self.router, self.device)
        return {"given": bus.interface_count(self.device, "tx_packets"), "in": figures["frames_in"], "lost": figures["lost_in"],
                "out": figures["frames_out"]}

    def grown(self):
        return {key: value - self.start[key] for key, value in self.now().items()}


def read_numbers(client, count):
    """The numbers in so many event lines, in order, by the GUID that they came from. What the router tells of losses is left out.
    cangen writes the lowest byte first."""
    out, taken, rest = {}, 0, client.buffer
    while True:
        *lines, rest = rest.split(b"\r\n")
        for line in lines:
            fields = line.split(b",")
            if len(fields) > 7 and fields[1] != b"508":
                out.setdefault(fields[6].decode(), []).append(int.from_bytes(bytes(map(int, fields[7:])), "little"))
                taken += 1
        if taken >= count:
            client.buffer = rest
            return out
        client.buffer = b""
        client.read_more()
        rest += client.buffer


class Load(unittest.TestCase):
    def settle(self, accounts, given, drops):
        """Waits until every frame is somewhere: became an event, or was lost in a place that counts."""
        def balanced():
            sums = [account.grown() for account in accounts]
            total = sum(each["in"] + each["lost"] for each in sums) + bus.backlog_drops() - drops
            return total == given and sums
        return poll(balanced, 30, f"{given} frames accounted for: {[account.grown() for account in accounts]}, "
                                  f"{bus.backlog_drops() - drops} lost between the interfaces and their sockets")

    def test_of_a_flood_each_frame_arrives_or_is_counted(self):
        # A small buffer loses some for certain, the other one hardly any.
        for buffer in (65536, 8 << 20):
            with self.subTest(receive_buffer=buffer), Router(entry(0, send=False, receive_buffer_bytes=buffer)) as router, \
                    router.login(timeout=60) as client:
                client.ok("RCVLOOP")
                account, drops = Account(router, "vcan0"), bus.backlog_drops()
                flood = Flood("vcan0", FRAMES)
                flood.wait()
                self.assertEqual(account.grown()["given"], FRAMES)
                (sums,) = self.settle([account], FRAMES, drops)
                arrived = read_numbers(client, sums["in"]).get(site.node_guid(0, 1), [])
                print(f"buffer {buffer}: {sums}, arrived {len(arrived)}, backlog {bus.backlog_drops() - drops}")
                self.assertEqual(len(arrived), sums["in"])
                bus.assert_same(arrived, sorted(set(arrived)))  # in order, none twice

    def test_three_segments_are_flooded_at_once_with_sessions(self):
        with Router(*(entry(number, send=False) for number in range(3))) as router:
            clients = [router.login(timeout=60) for _ in range(SESSIONS)]
            for client in clients:
                client.ok("RCVLOOP")
            accounts, drops = [Account(router, device) for device in site.DEVICES], bus.backlog_drops()
            floods = [Flood(device, FRAMES // 3) for device in site.DEVICES]
            for flood in floods:
                flood.wait()
            sums = self.settle(accounts, FRAMES // 3 * 3, drops)
            total = sum(each["in"] for each in sums)
            print(sums, bus.backlog_drops() - drops)
            for client in clients:
                by_guid = read_numbers(client, total)
                for number, each in enumerate(sums):
                    arrived = by_guid[site.node_guid(number, 1)]
                    self.assertEqual(len(arrived), each["in"])
                    bus.assert_same(arrived, sorted(set(arrived)))
                client.close()

    def test_a_flood_crosses_from_one_segment_to_another(self):
        count = FRAMES // 2
        with Router(entry(0), entry(1, max_out_queue=65536)) as router, bus.Candump("vcan1") as dump:
            account, drops = Account(router, "vcan0"), bus.backlog_drops()
            Flood("vcan0", count).wait()
            (sums,) = self.settle([account], count, drops)
            poll(lambda: site.figures(router, "vcan1")["frames_out"] + site.figures(router, "vcan1")["dropped"] == sums["in"], 30,
                 "every event of one segment in the figures of the other")
            out = site.figures(router, "vcan1")["frames_out"]
            frames = dump.wait(out - (bus.backlog_drops() - drops))
            arrived = [int.from_bytes(bytes.fromhex(frame.split("#")[1]), "little") for frame in frames]
            bus.assert_same(arrived, sorted(set(arrived)))
