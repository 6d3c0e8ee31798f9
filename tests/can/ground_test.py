"""What the other tests here stand on: the kernel carries frames, can-utils send and log them, the kernel counts what it drops."""

import unittest

import bus


class Ground(unittest.TestCase):
    def setUp(self):
        for device in ("vcan0", "vcan1", "vcan2"):
            bus.fresh_interface(device)

    def test_can_utils_hear_each_other_on_each_interface_alone(self):
        dumps = [bus.Candump(device) for device in ("vcan0", "vcan1", "vcan2")]
        try:
            sent = [f"0C1406{nickname:02X}#{nickname:02X}AA" for nickname in range(3)]
            for nickname, frame in enumerate(sent):
                bus.cansend(f"vcan{nickname}", frame)
            self.assertEqual([dump.wait(1) for dump in dumps], [[frame] for frame in sent])
        finally:
            for dump in dumps:
                dump.__exit__()

    def test_a_played_log_is_logged_as_it_was(self):
        sent = [bus.frame_text(n % 8, n % 512, n % 256, n * 7 % 256, bytes(range(n % 9)), n & 1) for n in range(300)]
        with bus.Candump("vcan0") as dump:
            bus.play("vcan0", sent)
            bus.assert_same(dump.wait(len(sent)), sent)

    def test_remote_fd_and_short_frames_go_through(self):
        with bus.Candump("vcan0") as dump, bus.RawSocket("vcan0") as raw:
            bus.cansend("vcan0", "123#R")
            bus.cansend("vcan0", "1F334455##1" + "AB" * 12)
            raw.send(0x0C140601 | bus.EFF, b"\1\2\3")
            # FD frames are marked as such on their way (0x04), whatever the sender's flags said.
            self.assertEqual(dump.wait(3), ["123#R", "1F334455##5" + "AB" * 12, "0C140601#010203"])
