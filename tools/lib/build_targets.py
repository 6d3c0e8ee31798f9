#!/usr/bin/env python3
"""Lists parts of a meson build folder, one per line.

usage: build_targets.py BUILD programs FOLDER            programs whose meson.build lies below FOLDER
       build_targets.py BUILD tests [--without PLACE]... names of the tests that are not these files or below these folders
       build_targets.py BUILD needs [--without PLACE]... ninja targets that those tests need
"""
import argparse
import json
import os
import pathlib
import sys


def load(build, name):
    return json.loads((build / 'meson-info' / f'intro-{name}.json').read_text(encoding='utf-8'))


def relative(path, *folders):
    """The path as seen from the first of the folders that holds it; None if none does."""
    path = os.path.normpath(path)
    for folder in folders:
        if pathlib.Path(path).is_relative_to(folder):
            return pathlib.Path(path).relative_to(folder).as_posix()
    return None


def home(test, build, source):
    """The place of a test: of its program, or of its script where an interpreter runs it."""
    places = (relative(part, build, source) for part in test['cmd'])
    return next((place for place in places if place), '')


def selected_tests(build, source, without):
    without = tuple(place.rstrip('/') + '/' for place in without)
    return [test for test in load(build, 'tests') if not (home(test, build, source) + '/').startswith(without)]


def programs(build, source, folder):
    for target in load(build, 'targets'):
        if target['type'] == 'executable' and (relative(target['defined_in'], source) or '').startswith(folder + '/'):
            yield relative(target['filename'][0], build)


def needs(build, tests):
    outputs = {target['id']: [relative(name, build) for name in target['filename']]
               for target in load(build, 'targets')}
    known = {name for names in outputs.values() for name in names}
    for test in tests:
        for target in test.get('depends', ()):
            yield from outputs.get(target, ())
        yield from (name for name in (relative(part, build) for part in test['cmd']) if name in known)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('what', choices=('programs', 'tests', 'needs'))
    parser.add_argument('folder', nargs='?')
    parser.add_argument('--without', action='append', default=[])
    options = parser.parse_args()
    build = options.build.resolve()
    information = json.loads((build / 'meson-info' / 'meson-info.json').read_text(encoding='utf-8'))
    source = pathlib.Path(information['directories']['source'])
    if options.what == 'programs':
        lines = programs(build, source, options.folder)
    else:
        tests = selected_tests(build, source, options.without)
        lines = (test['name'] for test in tests) if options.what == 'tests' else needs(build, tests)
    for line in sorted({line for line in lines if line}):
        print(line)
    return 0


if __name__ == '__main__':
    sys.exit(main())
