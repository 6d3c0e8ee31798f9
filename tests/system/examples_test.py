"""Every configuration that a document or an example shows is one that the daemon takes."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from certificates import Site  # noqa: E402
from daemon import daemon_path, user  # noqa: E402


def check(text):
    """Runs --check-config in a folder of its own; (exit code, output)."""
    with tempfile.TemporaryDirectory(prefix="vscprouter-test-") as folder:
        path = Path(folder) / "config.json"
        path.write_text(text)
        users = Path(folder) / "users.json"
        users.write_text(json.dumps({"users": [user("admin")]}))
        users.chmod(0o600)
        for name in re.findall(r'"password-file": "([\w.]+)"', text):
            (Path(folder) / name).write_text("secret\n")
            (Path(folder) / name).chmod(0o600)
        for name in re.findall(r'"key-file": "([\w.]+)"', text):
            (Path(folder) / name).write_text("00112233445566778899aabbccddeeff" * 2 + "\n")
        for name in re.findall(r'"path(?:-driver)?": "([\w.]+\.so)"', text):
            (Path(folder) / name).touch()
        names = set(re.findall(r'"(?:cafile|certfile)": "([\w-]+)\.pem"', text))
        for name in names:
            Site(folder, name)
        done = subprocess.run([daemon_path(), "--config", str(path), "--check-config"], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr


def blocks(document):
    """(line, text) of each block of JSON."""
    text = document.read_text()
    for found in re.finditer(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start()) + 1, found[1]


def documents():
    """All of the tree's, but not those of build folders."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith((".", "build", "node_modules"))]
        yield from (Path(folder) / name for name in names if name.endswith(".md"))


class ExamplesTest(unittest.TestCase):
    def test_examples(self):
        files = sorted((ROOT / "tools/examples").rglob("*.json"))
        self.assertGreaterEqual(len(files), 8)
        for path in files:
            with self.subTest(example=f"{path.parent.name}/{path.name}"):
                code, output = check(path.read_text())
                self.assertEqual(code, 0, output)
                self.assertNotIn("warn", output.lower())

    def test_sites_meet_at_one_broker(self):
        for folder in ("two_sites", "three_sites"):
            lines = {}
            for path in (ROOT / "tools/examples" / folder).glob("*.json"):
                for entry in json.loads(re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M))["mqtt"]:
                    lines.setdefault(frozenset(entry["site"][k] for k in ("name", "peer")), []).append(entry["host"])
            for ends, hosts in lines.items():
                with self.subTest(folder=folder, ends=sorted(ends)):
                    self.assertEqual(len(hosts), 2)
                    self.assertEqual(hosts[0], hosts[1])

    def test_documents(self):
        checked = 0
        for document in documents():
            for line, text in blocks(document):
                with self.subTest(document=str(document.relative_to(ROOT)), line=line):
                    if re.match(r'\{\s*"users"', text):
                        json.loads(text)  # a users file: hashes and all are tested elsewhere
                        continue
                    checked += 1
                    if text.startswith('"'):
                        text = "{" + text + "}"  # some keys of the file
                    code, output = check(text)
                    self.assertEqual(code, 0, output)
        self.assertGreaterEqual(checked, 1)

    def test_the_check_can_fail(self):
        code, output = check('{ "mqtt": { "publish": [ { "topic": "a/{{clas}}" } ] } }')
        self.assertNotEqual(code, 0)
        self.assertIn("clas", output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
