#!/usr/bin/env python3
"""Each header compiles by itself.

usage: header_test.py BUILD-FOLDER COMPILER [ARGUMENT...]

A .cpp that includes its own header first proves that header whenever it is built, so that only the other headers are
compiled here; that the first include of each .cpp is its own header is checked too.
"""
import concurrent.futures
import os
import subprocess
import sys
import unittest

import bad_tree
import include_rules
import source_tree

FOLDERS = ('protocol', 'router', 'drivers', 'bench', 'tests', 'tools')
BUILD, COMPILER = '.', ['c++']


def own_header_faults(root):
    """.cpp files whose own header is not their first include."""
    found = []
    for path in source_tree.code_files(root, *FOLDERS):
        header = path[:-len('.cpp')] + '.h'
        if not path.endswith('.cpp') or not (root / header).exists():
            continue
        names = [name for _, name, _ in include_rules.includes(source_tree.text(root, path))]
        if names[:1] != [header]:
            found.append(f'{path}: its first include is to be "{header}"')
    return found


def headers_without_source(root):
    return [path for path in source_tree.code_files(root, *FOLDERS)
            if path.endswith('.h') and not (root / (path[:-len('.h')] + '.cpp')).exists()]


def compile_fault(root, header):
    """What the compiler says about a file that includes this header only (twice: #pragma once); None if nothing."""
    command = [*COMPILER, '-std=c++23', '-DVSCPROUTER_VERSION="0"', '-fsyntax-only', '-I', str(root), '-I', BUILD,
               '-x', 'c++', '-']
    done = subprocess.run(command, input=f'#include "{header}"\n#include "{header}"\n', text=True, capture_output=True)
    return f'{header}:\n{done.stderr}' if done.returncode else None


def compile_faults(root):
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        faults = pool.map(lambda header: compile_fault(root, header), headers_without_source(root))
        return [fault for fault in faults if fault]


class Headers(unittest.TestCase):
    def test_own_header_comes_first(self):
        faults = own_header_faults(source_tree.ROOT)
        self.assertEqual(faults, [], '\n' + '\n'.join(faults))

    def test_each_header_compiles_by_itself(self):
        faults = compile_faults(source_tree.ROOT)
        self.assertEqual(faults, [], '\n' + '\n'.join(faults))

    def test_the_checks_can_fail(self):
        files = {'router/a.h': '#pragma once\nstd::string a();\n',
                 'router/b.h': '#pragma once\n#include <string>\nstd::string b();\n',
                 'router/c.h': '#pragma once\n', 'router/c.cpp': '#include <string>\n#include "router/c.h"\n'}
        with bad_tree.tree(files) as root:
            self.assertEqual(headers_without_source(root), ['router/a.h', 'router/b.h'])
            faults = compile_faults(root)
            self.assertEqual(len(faults), 1, faults)
            self.assertIn('router/a.h', faults[0])
            self.assertEqual(len(own_header_faults(root)), 1)


if __name__ == '__main__':
    if len(sys.argv) > 2:
        BUILD, COMPILER = sys.argv[1], sys.argv[2:]
    unittest.main(argv=sys.argv[:1])
