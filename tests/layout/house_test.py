#!/usr/bin/env python3
"""The code keeps the house's bans, and each ban can be broken."""
import unittest

import bad_tree
import house_rules
import source_tree


def faults_of(files):
    with bad_tree.tree(files) as root:
        return house_rules.code_faults(root)


class TheTree(unittest.TestCase):
    def test_keeps_the_bans(self):
        faults = house_rules.code_faults(source_tree.ROOT)
        self.assertEqual(faults, [], '\n' + '\n'.join(faults))

    def test_exempt_files_exist(self):
        # An exemption for a file that is gone would wait for the next file of that name.
        for ban in (*house_rules.BANS, *house_rules.HEADER_BANS, *house_rules.PYTHON_BANS):
            for path in set(ban.exempt) - house_rules.LIBRARY_FILES:
                self.assertTrue((source_tree.ROOT / path).is_file(), path)


class TheCheck(unittest.TestCase):
    def refused(self, path, line):
        head = '#pragma once\n' if path.endswith('.h') else ''
        faults = faults_of({path: head + line + '\n'})
        self.assertEqual(len(faults), 1, f'{path}: {line}: {faults}')

    def accepted(self, path, line):
        head = '#pragma once\n' if path.endswith('.h') else ''
        self.assertEqual(faults_of({path: head + line + '\n'}), [], f'{path}: {line}')

    def test_exceptions(self):
        self.refused('protocol/a.cpp', 'throw 1;')
        self.refused('router/core/a.cpp', '} catch (...) {')
        self.refused('router/io/a.cpp', 'try {')
        self.accepted('router/base/config_node.cpp', '} catch (...) {')
        self.accepted('tests/a.cpp', 'throw 1;')
        self.accepted('router/core/a.cpp', 'bool try_push();  // never throws: catch nothing')

    def test_sleep(self):
        for line in ('sleep(1);', '::sleep(seconds);', 'usleep(1);', '::usleep(1);', 'nanosleep(&t, nullptr);',
                     'clock_nanosleep(0, 0, &t, nullptr);', 'std::this_thread::sleep_for(1ms);', 'sleep_until(end);'):
            self.refused('tests/unit/a.cpp', line)
        for line in ('bool may_sleep() const; wants_to_sleep(1);', 'void sleep(std::uint64_t until);', 'ring->sleep(1);',
                     'ring.sleep(until);', 'void Ring::sleep(std::uint64_t until) {'):
            self.accepted('router/core/a.cpp', line)

    def test_sleep_in_python_tests(self):
        self.refused('tests/system/a.py', 'time.' + 'sleep(1)')

    def test_volatile(self):
        self.refused('router/core/a.h', 'volatile int x;')

    def test_memory_by_hand(self):
        for line in ('auto* a = new A;', 'auto* a = new A(1);', 'auto* a = new (std::nothrow) A;', 'delete a;',
                     'delete[] a;', 'void* p = malloc(1);', 'std::free(p);', 'p = ::malloc(2);'):
            self.refused('router/core/a.cpp', line)
        for line in ('A(const A&) = delete;', 'new (slot) A;', 'pool.free(a);', 'slab->free(a);',
                     'int new_size = renew(1);', 'operator delete(p);', 'log("new x");'):
            self.accepted('router/core/a.cpp', line)

    def test_locks(self):
        self.refused('router/core/worker.h', 'std::mutex m;')
        self.refused('drivers/link/a.cpp', 'std::lock_guard guard(m);')
        self.accepted('router/base/log.cpp', 'std::mutex m;')

    def test_assert(self):
        self.refused('router/core/a.cpp', 'assert(x);')
        self.accepted('router/core/a.cpp', 'static_assert(sizeof(int) == 4);')

    def test_heavy_types_on_the_event_path(self):
        self.refused('router/core/a.h', 'std::function<void()> f;')
        self.accepted('router/daemon/a.h', 'std::function<void()> f;')

    def test_using_namespace_in_headers(self):
        self.refused('tests/a.h', 'using namespace std;')
        self.accepted('tests/a.cpp', 'using namespace std::literals;')

    def test_pragma_once(self):
        self.assertEqual(len(faults_of({'router/base/a.h': 'int f();\n'})), 1)

    def test_long_functions(self):
        def body(count):
            return '  x();\n' * count
        most = house_rules.FUNCTION_LINES_MAX - 2
        for before, after in (('void f() {\n', '}\n'), ('class A {\n  void f() {\n', '  }\n};\n'),
                              ('Result<int> f(int a,\n             int b) {\n', '}\n')):
            extra = before.count('(\n') + before.count(',\n')
            with self.subTest(before):
                self.assertEqual(faults_of({'router/a.cpp': before + body(most - extra) + after}), [])
                self.assertEqual(len(faults_of({'router/a.cpp': before + body(most + 1) + after})), 1)
        self.assertEqual(faults_of({'router/a.cpp': 'namespace a {\n' + body(100) + '}\n'}), [])
        mark = '// Made by x, not to be edited by hand\n'
        self.assertEqual(faults_of({'router/a.cpp': mark + 'void f() {\n' + body(100) + '}\n'}), [])

    def test_code_of_keeps_lines_and_drops_comments_and_strings(self):
        text = ('int a = 1\'000; // x\n/* two\nlines */ char c = \'"\'; f("throw \\" ", R"(new\n)");\n'
                '#include "a/b.h"\n')
        code = source_tree.code_of(text)
        self.assertEqual(code.count('\n'), text.count('\n'))
        for gone in ('two', 'throw', 'new', '// x'):
            self.assertNotIn(gone, code)
        for kept in ("1'000;", 'char c', '#include "a/b.h"'):
            self.assertIn(kept, code)


if __name__ == '__main__':
    unittest.main()
