#!/usr/bin/env python3
"""Collects test results of several builds and writes the one line that tools/check ends with.

usage: test_summary.py collect RESULTS --build FOLDER --label NAME
       test_summary.py add RESULTS --name NAME --result pass|fail|skip [--reason TEXT]
       test_summary.py total RESULTS

RESULTS is a file of JSON lines, one per test case: name, result, reason. `collect` reads what `meson test` left in
FOLDER/meson-logs (testlog.json: every meson test with its output; testlog.junit.xml: the cases of GoogleTest programs),
prints the whole output of each failing test and appends the cases. `total` names what failed and what was skipped, and
prints `N passed, N failed` (`, N skipped` if any were); its exit status is 1 if anything failed or nothing ran.
"""
import argparse
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

PASSED = {'OK', 'EXPECTEDFAIL'}
SKIPPED = {'SKIP'}


def gtest_cases(build):
    """{meson test name: [(case name, result, reason)]}, only for programs that wrote GoogleTest's XML or TAP."""
    cases = {}
    path = build / 'meson-logs' / 'testlog.junit.xml'
    if not path.exists():
        return cases
    for suite in ElementTree.fromstring(without_control_characters(path.read_text('utf-8', 'replace'))).iter('testsuite'):
        # meson names them 'project.project:suite / test.Suite', those of TAP 'project.project:suite / test'; all other tests
        # share one suite 'project'.
        _, *test = suite.get('name', '').split('.')
        if not test:
            continue
        prefix = test.pop() + '.' if len(test) > 1 else ''
        for case in suite.iter('testcase'):
            result, reason = case_result(case)
            name = prefix + case.get('name', '') if prefix else re.sub(r'^[\d ]+', '', case.get('name', ''))
            cases.setdefault('.'.join(test), []).append((name, result, reason))
    return cases


def without_control_characters(text):
    """meson writes a test's output into its XML as it is, colours too, which no XML may hold."""
    return re.sub('[^\\t\\n\\r\\x20-\\uFFFD\\U00010000-\\U0010FFFF]', '?', text)


def case_result(case):
    if case.find('failure') is not None or case.find('error') is not None:
        return 'fail', ''
    skipped = case.find('skipped')
    if skipped is not None:
        return 'skip', first_line(skipped.get('message') or skipped.text or case.findtext('system-out'))
    if case.get('status') == 'notrun':
        return 'skip', 'disabled'
    return 'pass', ''


def first_line(text):
    lines = [line.strip() for line in (text or '').splitlines() if line.strip()]
    # GoogleTest puts 'file:line' first and the message after it.
    if len(lines) > 1 and lines[0].rsplit(':', 1)[-1].isdigit():
        return lines[1]
    return lines[0] if lines else ''


def last_line(text):
    lines = [line.strip() for line in (text or '').splitlines() if line.strip()]
    return lines[-1] if lines else ''


def short_name(name):
    """'unit/guid' for meson's 'vscprouter:unit / guid', 'guid' for a test without a suite."""
    place, _, test = name.rpartition(' / ')
    suite = place.partition(':')[2]
    return f'{suite}/{test}' if suite else test


def collect(build, label):
    """(case records, output of each failing meson test). A test that failed without a failing case is one failure."""
    records, outputs = [], []
    cases_of = gtest_cases(build)
    log = build / 'meson-logs' / 'testlog.json'
    for line in log.read_text(encoding='utf-8', errors='replace').splitlines():
        test = json.loads(line)
        cases = cases_of.get(test['name'], [])
        name = short_name(test['name'])
        state = 'pass' if test['result'] in PASSED else 'skip' if test['result'] in SKIPPED else 'fail'
        whole = {'name': f'{label}: {name}', 'result': state, 'reason': ''}
        if state == 'skip':
            whole['reason'] = last_line(test.get('stdout')).removeprefix('1..0 # SKIP ') or last_line(test.get('stderr')) or 'no reason given'
        elif state == 'fail':
            whole['reason'] = f"{test['result']}, exit status {test.get('returncode')}"
            outputs.append((whole['name'], whole['reason'], test.get('stdout') or '', test.get('stderr') or ''))
        if not cases or state == 'skip' or (state == 'fail' and all(result != 'fail' for _, result, _ in cases)):
            records.append(whole)
        if state != 'skip':
            records += [{'name': f'{label}: {name}: {case}', 'result': result, 'reason': reason}
                        for case, result, reason in cases]
    return records, outputs


def print_outputs(outputs):
    for name, reason, stdout, stderr in outputs:
        print(f'---- {name} failed ({reason})')
        for text in (stdout, stderr):
            if text:
                print(text.rstrip())
        print(f'---- end of {name}')


def totals(records):
    """The closing lines and the exit status."""
    count = {state: sum(record['result'] == state for record in records) for state in ('pass', 'fail', 'skip')}
    lines = []
    for state, heading in (('skip', 'Skipped:'), ('fail', 'Failed:')):
        if count[state]:
            lines.append(heading)
            lines += [f"  {record['name']}" + (f" ({record['reason']})" if record['reason'] else '')
                      for record in records if record['result'] == state]
    text = f"{count['pass']} passed, {count['fail']} failed"
    if count['skip']:
        text += f", {count['skip']} skipped"
    return lines + [text], 1 if count['fail'] or not count['pass'] else 0


def append(path, records):
    with open(path, 'a', encoding='utf-8') as file:
        for record in records:
            file.write(json.dumps(record) + '\n')


def main(arguments):
    parser = argparse.ArgumentParser(description='collects and totals test results')
    commands = parser.add_subparsers(dest='command', required=True)
    for name in ('collect', 'add', 'total'):
        commands.add_parser(name).add_argument('results', type=pathlib.Path)
    commands.choices['collect'].add_argument('--build', type=pathlib.Path, required=True)
    commands.choices['collect'].add_argument('--label', required=True)
    commands.choices['add'].add_argument('--name', required=True)
    commands.choices['add'].add_argument('--result', choices=('pass', 'fail', 'skip'), required=True)
    commands.choices['add'].add_argument('--reason', default='')
    options = parser.parse_args(arguments)
    if options.command == 'collect':
        records, outputs = collect(options.build, options.label)
        print_outputs(outputs)
        append(options.results, records)
        return 0
    if options.command == 'add':
        append(options.results, [{'name': options.name, 'result': options.result, 'reason': options.reason}])
        return 0
    text = options.results.read_text(encoding='utf-8') if options.results.exists() else ''
    lines, status = totals([json.loads(line) for line in text.splitlines()])
    print('\n'.join(lines))
    return status


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
