"""vscpbench against the real daemon: every scenario once, tiny; its reports; and what it says when something is wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import ROOT, Daemon, daemon_path, poll, user  # noqa: E402

LIMIT_S = 120


def bench_path():
    return os.environ.get("VSCPBENCH", str(ROOT / "build/tools/vscpbench/vscpbench"))


def children(pid):
    """Process ids of the children of all threads."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in path.read_text().split()]
        except OSError:
            pass
    return found


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vscpbench-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def environment(self, **more):
        # What is left in the folder for temporary files was not cleaned up.
        (self.folder / "tmp").mkdir(exist_ok=True)
        return {**os.environ, "TMPDIR": str(self.folder / "tmp"), **more}

    def bench(self, *arguments, preexec=None, **environment):
        return subprocess.run([bench_path(), *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                              preexec_fn=preexec, env=self.environment(**environment))

    def assert_clean(self):
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def assert_says(self, done, sentence, status=2):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(sentence, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def start(self, *arguments):
        process = subprocess.Popen([bench_path(), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=self.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def test_overload_gives_up_the_lowest_priorities_first(self):
        result = self.folder / "result.json"
        done = self.bench("run", "overload", "--spawn", daemon_path(), "--for", "500ms", "--wire", "text,binary",
                          "--server-option", "hold-producers-ms=0", "--user-option", "max-out-queue=2000",
                          "--json", result)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for entry in json.loads(result.read_text())["results"]:
            delivered = [entry["figures"][f"delivered_p{p}_percent"]["median"] for p in range(8)]
            # Where the beginning and the end of the shedding fall makes a difference of some events.
            self.assertGreaterEqual(delivered[0], max(delivered) - 1)
            self.assertLessEqual(delivered[7], min(delivered) + 1)

    def test_every_scenario_and_its_reports(self):
        result = self.folder / "result.json"
        done = self.bench("run", "all", "--spawn", daemon_path(), "--server-workers", 2, "--for", "200ms", "--warmup",
                          "50ms", "--sessions", 40, "--processes", 2, "--filters", "1,20", "--stall", "30s",
                          "--json", result)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_clean()
        file = json.loads(result.read_text())
        self.assertEqual(file["format"], "vscpbench-2")
        found = {entry["scenario"] for entry in file["results"]}
        self.assertEqual(found, {"1:1", "1:16", "1:256", "16:16", "latency", "connect-storm", "idle-crowd", "slow-crowd",
                                 "filter-crowd", "overload"})
        for entry in file["results"]:
            self.assertEqual(entry["server"], "vscprouterd")
            self.assertTrue(entry["figures"], entry["scenario"])
            for name, figure in entry["figures"].items():
                self.assertEqual(len(figure["values"]), 1, name)
        storm = next(e for e in file["results"] if e["scenario"] == "connect-storm")
        self.assertGreater(storm["figures"]["connects_per_server_cpu_s"]["median"], 0)
        idle = next(e for e in file["results"] if e["scenario"] == "idle-crowd")
        self.assertGreater(idle["figures"]["fanout_last_us"]["median"], idle["figures"]["fanout_first_us"]["median"])

        overload = next(e for e in file["results"] if e["scenario"] == "overload")["figures"]
        self.assertEqual(overload["overload_sent"]["median"], 20000)  # 200 ms of them

        page, pictures = self.folder / "page.html", self.folder / "pictures"
        done = self.bench("report", result, "-o", page, "--png", pictures)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(page.read_text().startswith("<!doctype html>"))
        names = {picture.name for picture in pictures.iterdir()}
        self.assertIn("latency.png", names)
        self.assertIn("filters.png", names)
        self.assertEqual((pictures / "latency.png").read_bytes()[1:4], b"PNG")

        done = self.bench("diff", result, result, "--fail-above", "1%")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no difference", done.stdout)
        worse = json.loads(result.read_text())
        for figure in worse["results"][0]["figures"].values():
            figure["values"] = [value * 2 for value in figure["values"]]
        (self.folder / "worse.json").write_text(json.dumps(worse))
        self.assert_says(self.bench("diff", result, self.folder / "worse.json", "--fail-above", "10%"), "WORSE", 1)
        self.assertEqual(self.bench("diff", result, self.folder / "worse.json").returncode, 0)

    def test_a_server_that_runs_already(self):
        with Daemon(users=[user("admin")]) as daemon:
            done = self.bench("run", "1:2", "connect-storm", "--host", f"127.0.0.1:{daemon.port}", "--user", "admin",
                              "--for", "100ms", "--warmup", 0, "--sessions", 5, "--json", "-", VSCP_PASSWORD="secret")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(json.loads(done.stdout)["results"]), 3)
            done = self.bench("run", "1:1", "--host", f"127.0.0.1:{daemon.port}", "--user", "admin",
                              VSCP_PASSWORD="wrong")
            self.assert_says(done, "-OK")
            self.assertNotIn("wrong", done.stderr)
        done = self.bench("run", "1:1", "--host", f"127.0.0.1:{daemon.port}", "--user", "admin", VSCP_PASSWORD="secret")
        self.assert_says(done, "nothing listens at")

    def test_bad_use(self):
        spawn = ("--spawn", daemon_path())
        self.assert_says(self.bench("run"), "vscpbench list")
        self.assert_says(self.bench("run", "idle-crwd"), 'did you mean "idle-crowd"')
        self.assert_says(self.bench("run", "1:1", "--wire", "morse"), 'no wire "morse"')
        self.assert_says(self.bench("run", "1:1", "--for", "soon"), "a duration is a number")
        self.assert_says(self.bench("run", "1:1", "--spawn", "/nonexistent"), "cannot run /nonexistent")
        self.assert_says(self.bench("run", "1:1", *spawn, "--json", "/nonexistent/x.json"), "cannot write")
        self.assert_says(self.bench("run", "1:1", *spawn, "--for", "100ms", "--json", "/dev/full"), "No space left")
        damaged = self.folder / "damaged.json"
        self.assert_says(self.bench("report", damaged), "cannot read")
        damaged.write_text('{"format": "vscpbench-2", "results": [')
        self.assert_says(self.bench("report", damaged), "it is damaged")
        damaged.write_text('{"format": "vscpbench-1"}')
        self.assert_says(self.bench("diff", damaged, damaged), "vscpbench-1")
        self.assert_clean()

    @unittest.skipIf(os.environ.get("VSCPROUTER_SANITIZED") == "1",
                     "UndefinedBehaviorSanitizer needs a file of its own to look at an object's type")
    def test_too_few_files(self):
        def limit(count):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

        done = self.bench("run", "1:256", "--spawn", daemon_path(), preexec=limit(48))
        self.assert_says(done, "Too many open files")
        done = self.bench("run", "idle-crowd", "--sessions", 100, "--spawn", daemon_path(), preexec=limit(48))
        self.assert_says(done, "ulimit -n")
        self.assert_clean()

    def test_the_server_dies(self):
        process = self.start("run", "1:1", "--for", "60s", "--spawn", daemon_path())
        # The load has begun when the client has its own thread.
        poll(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1, 30, "the load")
        [daemon] = children(process.pid)
        os.kill(daemon, signal.SIGKILL)
        _, errors = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 2, errors)
        self.assertIn("ended during the measurement", errors)
        self.assert_clean()

    def test_interrupted(self):
        process = self.start("run", "idle-crowd", "--sessions", 60, "--processes", 2, "--for", "60s", "--spawn",
                             daemon_path())
        started = poll(lambda: len(children(process.pid)) == 3 and children(process.pid), 30, "the crowd")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("interrupted", errors)
        for pid in started:
            self.assertFalse(is_running(pid))
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
