#!/usr/bin/env python3
"""tools/lib/test_summary.py: what it counts and the line that it ends with."""
import contextlib
import importlib.util
import io
import json
import pathlib
import unittest

import bad_tree
import source_tree

_SPEC = importlib.util.spec_from_file_location('test_summary', source_tree.ROOT / 'tools/lib/test_summary.py')
test_summary = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(test_summary)


def entry(name, result, **more):
    return json.dumps({'name': name, 'result': result, 'returncode': 0, 'stdout': ''} | more)


def junit(*suites):
    """As meson 1.0 writes it: suites are (name, [case element])."""
    body = ''.join(f'<testsuite name="{name}">{"".join(cases)}</testsuite>' for name, cases in suites)
    return f'<?xml version="1.0" encoding="utf-8"?><testsuites>{body}</testsuites>'


PASS = '<testcase name="Works" status="run" classname="Guid"/>'
FAIL = '<testcase name="Breaks" status="run" classname="Guid"><failure message="x"/></testcase>'
SKIP = ('<testcase name="Waits" status="run" classname="Guid">'
        '<skipped message="a.cpp:1&#10;needs two cores&#10;"/></testcase>')
# What meson 1.0 calls the suite Guid of the test guid_test.
GUID = 'vscprouter.vscprouter:unit / guid_test.Guid'
DISABLED = '<testcase name="DISABLED_Old" status="notrun" classname="Guid"/>'


class Collect(unittest.TestCase):
    def collect(self, entries, xml=None):
        files = {'meson-logs/testlog.json': '\n'.join(entries) + '\n'}
        if xml:
            files['meson-logs/testlog.junit.xml'] = xml
        with bad_tree.tree(files) as root:
            records, outputs = test_summary.collect(root, 'release')
        return [(r['name'], r['result'], r['reason']) for r in records], outputs

    def test_a_plain_test_is_one_case(self):
        xml = junit(('vscprouter', ['<testcase name="layout"/>']))
        records, outputs = self.collect([entry('vscprouter / layout', 'OK')], xml)
        self.assertEqual(records, [('release: layout', 'pass', '')])
        self.assertEqual(outputs, [])

    def test_colours_in_the_output_do_not_matter(self):
        xml = junit((GUID, [PASS])).replace('</testsuites>', '<system-out>\x1b[2mgrey\x1b[0m \x07</system-out></testsuites>')
        self.assertIn('\x1b', xml)
        records, _ = self.collect([entry('vscprouter:unit / guid_test', 'OK')], xml)
        self.assertEqual(len(records), 1)
        self.assertEqual(records[0][1], 'pass')

    def test_gtest_cases_count_one_by_one(self):
        failed = entry('vscprouter:unit / guid_test', 'FAIL', returncode=1, stdout='all of it')
        records, outputs = self.collect([failed], junit((GUID, [PASS, FAIL, SKIP, DISABLED])))
        self.assertEqual(records, [('release: unit/guid_test: Guid.Works', 'pass', ''),
                                   ('release: unit/guid_test: Guid.Breaks', 'fail', ''),
                                   ('release: unit/guid_test: Guid.Waits', 'skip', 'needs two cores'),
                                   ('release: unit/guid_test: Guid.DISABLED_Old', 'skip', 'disabled')])
        self.assertEqual(outputs, [('release: unit/guid_test', 'FAIL, exit status 1', 'all of it', '')])

    def test_cases_of_tap_count_one_by_one(self):
        failed = entry('vscprouter:can / can', 'FAIL', returncode=0)
        xml = junit(('vscprouter.vscprouter:can / can', [
            '<testcase name="1 a.B.works"/>', '<testcase name="2 a.B.breaks"><failure/></testcase>',
            '<testcase name="a.B.waits"><skipped/><system-out>no CAN</system-out></testcase>']))
        records, _ = self.collect([failed], xml)
        self.assertEqual(records, [('release: can/can: a.B.works', 'pass', ''), ('release: can/can: a.B.breaks', 'fail', ''),
                                   ('release: can/can: a.B.waits', 'skip', 'no CAN')])

    def test_a_crash_is_a_failure_though_all_cases_passed(self):
        xml = junit((GUID, [PASS]))
        records, outputs = self.collect([entry('vscprouter:unit / guid_test', 'FAIL', returncode=-11)], xml)
        self.assertEqual([result for _, result, _ in records], ['fail', 'pass'])
        self.assertEqual(len(outputs), 1)

    def test_everything_that_is_not_ok_fails(self):
        for result in ('FAIL', 'TIMEOUT', 'ERROR', 'INTERRUPT', 'UNEXPECTEDPASS', 'something new'):
            records, outputs = self.collect([entry('a', result, stderr='why')])
            self.assertEqual([r for _, r, _ in records], ['fail'], result)
            self.assertEqual(outputs[0][3], 'why')

    def test_a_skip_has_the_last_line_as_its_reason(self):
        skipped = entry('vscprouter / node', 'SKIP', returncode=77, stdout='trying\nnode is not installed\n')
        records, _ = self.collect([skipped])
        self.assertEqual(records, [('release: node', 'skip', 'node is not installed')])
        records, _ = self.collect([entry('node', 'SKIP')])
        self.assertEqual(records[0][2], 'no reason given')


class Total(unittest.TestCase):
    def run_main(self, *arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = test_summary.main([str(argument) for argument in arguments])
        return status, out.getvalue().splitlines()

    def test_the_last_line_and_the_status(self):
        def records(*results):
            return [{'name': f't{i}', 'result': result, 'reason': ''} for i, result in enumerate(results)]
        self.assertEqual(test_summary.totals(records('pass', 'pass')), (['2 passed, 0 failed'], 0))
        lines, status = test_summary.totals(records('pass', 'fail'))
        self.assertEqual((lines[-1], status), ('1 passed, 1 failed', 1))
        lines, status = test_summary.totals(records('pass', 'skip'))
        self.assertEqual((lines[-1], status), ('1 passed, 0 failed, 1 skipped', 0))
        self.assertEqual(test_summary.totals([]), (['0 passed, 0 failed'], 1))

    def test_add_and_total_through_a_file(self):
        with bad_tree.tree({}) as root:
            results = pathlib.Path(root) / 'results'
            self.run_main('add', results, '--name', 'build of asan', '--result', 'fail', '--reason', 'ninja failed')
            self.run_main('add', results, '--name', 'bench', '--result', 'pass')
            self.run_main('add', results, '--name', 'node', '--result', 'skip', '--reason', 'no npm')
            status, lines = self.run_main('total', results)
        self.assertEqual(status, 1)
        self.assertEqual(lines, ['Skipped:', '  node (no npm)', 'Failed:', '  build of asan (ninja failed)',
                                 '1 passed, 1 failed, 1 skipped'])

    def test_nothing_ran_is_no_success(self):
        with bad_tree.tree({}) as root:
            self.assertEqual(self.run_main('total', pathlib.Path(root) / 'none'), (1, ['0 passed, 0 failed']))


if __name__ == '__main__':
    unittest.main()
