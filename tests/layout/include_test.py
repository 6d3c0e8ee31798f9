#!/usr/bin/env python3
"""Every #include of protocol, router and drivers goes in the allowed direction, and the check can fail."""
import unittest

import bad_tree
import include_rules
import source_tree


def faults_of(files):
    with bad_tree.tree(files) as root:
        return include_rules.faults(root)


class TheTree(unittest.TestCase):
    def test_has_files_to_check(self):
        self.assertIn('protocol/event.h', source_tree.code_files(source_tree.ROOT, *include_rules.CHECKED))

    def test_includes_go_in_the_allowed_direction(self):
        faults = include_rules.faults(source_tree.ROOT)
        self.assertEqual(faults, [], '\n' + '\n'.join(faults))


class TheCheck(unittest.TestCase):
    def test_arrows_go_down_only(self):
        folders = list(include_rules.ALLOWED)
        folders[folders.index('drivers')] = 'drivers/link'
        for low, upper in enumerate(folders):
            for lower in folders[:low]:
                files = {f'{upper}/a.h': '', f'{lower}/b.cpp': f'#include "{upper}/a.h"\n'}
                with self.subTest(f'{lower} includes {upper}'):
                    faults = faults_of(files)
                    self.assertEqual(len(faults), 1, faults)
                    self.assertIn(f'{lower}/b.cpp:1:', faults[0])
                files = {f'{lower}/a.h': '', f'{upper}/b.cpp': f'#include "{lower}/a.h"\n'}
                with self.subTest(f'{upper} includes {lower}'):
                    self.assertEqual(faults_of(files), [])

    def test_a_driver_never_includes_another(self):
        files = {'drivers/link/a.h': '', 'drivers/sim/b.cpp': '#include "drivers/link/a.h"\n'}
        self.assertIn('never includes another driver', faults_of(files)[0])
        self.assertEqual(faults_of({'drivers/link/a.h': '', 'drivers/link/b.cpp': '#include "drivers/link/a.h"\n'}), [])

    def test_a_third_party_library_has_one_file(self):
        for header, places in (('liburing.h', 'router/io/uring_ring.cpp'), ('openssl/evp.h', 'router/base/crypto.cpp'),
                               ('nlohmann/json.hpp', 'router/base/config_node.cpp'),
                               ('concurrentqueue/concurrentqueue.h', 'router/core/inbox.h')):
            with self.subTest(header):
                self.assertEqual(faults_of({places: f'#include <{header}>\n'}), [])
                self.assertEqual(len(faults_of({'router/core/worker.cpp': f'#include <{header}>\n'})), 1)
                self.assertEqual(len(faults_of({'router/core/worker.cpp': f'#include "{header}"\n'})), 1)

    def test_an_unknown_library_is_refused(self):
        self.assertEqual(len(faults_of({'router/base/a.cpp': '#include <boost/asio.hpp>\n'})), 1)

    def test_protocol_has_the_standard_library_only(self):
        self.assertEqual(faults_of({'protocol/a.cpp': '#include <cstdint>\n#include <immintrin.h>\n'}), [])
        for header in ('sys/socket.h', 'unistd.h', 'thread', 'iostream', 'mutex'):
            with self.subTest(header):
                self.assertEqual(len(faults_of({'protocol/a.cpp': f'#include <{header}>\n'})), 1)

    def test_a_file_that_is_not_there_is_named(self):
        self.assertEqual(len(faults_of({'router/base/a.cpp': '#include "fd.h"\n', 'router/base/fd.h': ''})), 1)

    def test_a_generated_file_is_known(self):
        files = {'drivers/meson.build': "configure_file(output: 'driver_table.h')",
                 'router/daemon/main.cpp': '#include "drivers/driver_table.h"\n'}
        self.assertEqual(faults_of(files), [])

    def test_comments_are_no_includes(self):
        text = '// #include "drivers/link/a.h"\n/*\n#include <boost/a.hpp>\n*/\n'
        self.assertEqual(faults_of({'router/base/a.cpp': text}), [])


if __name__ == '__main__':
    unittest.main()
