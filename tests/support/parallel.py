"""Runs the tests of a file a few at a time, for those that mostly wait: for a keep-alive, for a delay between two tries."""

import concurrent.futures
import sys
import time
import unittest


def _flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flat(test)
        else:
            yield test


def _run(test):
    result = unittest.TestResult()
    begin = time.monotonic()
    test.run(result)
    problems = [text for _, text in result.errors + result.failures]
    skipped = [f" (skipped: {reason})" for _, reason in result.skipped]
    print(f"{test.id()}: {'FAIL' if problems else 'ok'}{''.join(skipped)}, {time.monotonic() - begin:.1f} s\n{''.join(problems)}", end="", flush=True)
    return not problems


def main(threads):
    """In place of unittest.main(). With names of tests on the command line one after the other."""
    if len(sys.argv) > 1:
        unittest.main(verbosity=2)
    tests = list(_flat(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        good = list(pool.map(_run, tests))
    print(f"{len(tests)} tests, {good.count(False)} failed")
    sys.exit(0 if all(good) and tests else 1)
