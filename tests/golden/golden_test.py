"""Replays every transcript of this folder against a daemon, in each of the three ways of transcript.MODES."""

import json
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from daemon import Daemon  # noqa: E402
from transcript import MODES, Replay, Transcript  # noqa: E402


class Golden(unittest.TestCase):
    """Transcripts with the same settings share one daemon, except those that are marked @ fresh."""

    def test_all_transcripts(self):
        groups = {}
        for path in sorted(HERE.glob("*.txt")):
            transcript = Transcript(path)
            if transcript.fresh:
                for mode in MODES:
                    groups[path.name, mode] = [(transcript, (mode,))]
            else:
                key = json.dumps([transcript.link, transcript.users], sort_keys=True)
                groups.setdefault(key, []).append((transcript, MODES))
        replays = 0
        for group in groups.values():
            first = group[0][0]
            with self.subTest(group=[t.path.name for t, _ in group]):
                replays += self.replay_group(first, group)
        print(f"{replays} replays on {len(groups)} daemons")
        self.assertGreater(replays, 0)

    def replay_group(self, first, group):
        count = 0
        daemon = Daemon(link={"keepalive-ms": 60000} | first.link, users=first.users)
        try:
            daemon.start()
            for transcript, modes in group:
                for mode in modes:
                    with self.subTest(transcript=transcript.path.name, mode=mode):
                        self.assertTrue(daemon.alive(), daemon.output()[-2000:])
                        Replay(transcript, daemon.port, mode, daemon.process).run()
                        count += 1
            if first.fresh:
                self.assertEqual(daemon.wait_exit(), 0, daemon.output()[-2000:])
            else:
                daemon.stop()
        finally:
            daemon.remove()
        return count


if __name__ == "__main__":
    unittest.main(verbosity=2)
