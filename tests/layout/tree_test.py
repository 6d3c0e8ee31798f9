#!/usr/bin/env python3
"""The tree has no paths of one machine, download hosts, giants, dead files or dead links; each check can fail."""
import unittest

import bad_tree
import source_tree
import tree_rules


def faults_of(rule, files):
    with bad_tree.tree(files) as root:
        return rule(root)


class TheTree(unittest.TestCase):
    def keeps(self, rule):
        faults = rule(source_tree.ROOT)
        self.assertEqual(faults, [], '\n' + '\n'.join(faults))

    def test_has_no_paths_of_one_machine_and_no_download_hosts(self):
        self.keeps(tree_rules.machine_faults)

    def test_has_no_giants(self):
        self.keeps(tree_rules.size_faults)

    def test_has_no_dead_files(self):
        self.keeps(tree_rules.dead_files)

    def test_has_no_dead_links(self):
        self.keeps(tree_rules.dead_links)


class TheChecks(unittest.TestCase):
    def test_paths_of_one_machine(self):
        for line in ('/home/someone/x', '"/root/x"', '-I/Users/x'):
            faults = faults_of(tree_rules.machine_faults, {'a.sh': line + '\n'})
            self.assertEqual(len(faults), int(line[0] != '-'), line)
        for line in ('/var/lib/vscprouterd', 'a/home/b', '${root}/x', '/etc/vscp/vscpd.json'):
            self.assertEqual(faults_of(tree_rules.machine_faults, {'a.sh': line + '\n'}), [], line)

    def test_the_place_of_the_tree_itself(self):
        with bad_tree.tree({'a.txt': ''}) as root:
            (root / 'b.txt').write_text(f'see {root}/a.txt\n', encoding='utf-8')
            self.assertEqual(len(tree_rules.machine_faults(root)), 1)

    def test_hosts(self):
        scheme = 'https' + '://'
        for address in (scheme + 'unknown.test/x', scheme + 'user@unknown.test', 'registry.' + 'npmjs.org'):
            self.assertEqual(len(faults_of(tree_rules.machine_faults, {'a.txt': address})), 1, address)
        for address in (scheme + 'www.vscp.org', 'http' + '://127.0.0.1:9680/', scheme + 'example.org/a'):
            self.assertEqual(faults_of(tree_rules.machine_faults, {'a.txt': address}), [], address)
        self.assertEqual(faults_of(tree_rules.machine_faults, {'a.md': scheme + 'github.com/x/y'}), [])

    def test_giants(self):
        long = 'x\n' * 601
        self.assertEqual(len(faults_of(tree_rules.size_faults, {'a.cpp': long, 'b.txt': long})), 1)
        mark = '// Made by x, not to be edited by hand\n'
        self.assertEqual(faults_of(tree_rules.size_faults, {'a.cpp': mark + long}), [])

    def test_dead_files(self):
        files = {'meson.build': "subdir('a')",
                 'a/meson.build': "'b.cpp', 'sub/c.cpp', 'd', 'e' + '_test.cpp', '@0@_x.cpp'",
                 'a/b.cpp': '', 'a/sub/c.cpp': '', 'a/e_test.cpp': '', 'a/d_x.cpp': ''}
        self.assertEqual(faults_of(tree_rules.dead_files, files), [])
        for dead in ('a/f.cpp', 'a/sub/b.cpp', 'b.cpp', 'x/b.cpp', 'a/f_test.cpp'):
            faults = faults_of(tree_rules.dead_files, files | {dead: ''})
            self.assertEqual(len(faults), 1, f'{dead}: {faults}')

    def test_dead_links(self):
        files = {'README.md': '# A b, c\n[x](docs/y.md) [y](#a-b-c) [z](docs/y.md#part)\n[w](https://example.org) `[n](no)`\n',
                 'docs/y.md': '## Part\n[up](../README.md) [folder](../docs)\n'}
        self.assertEqual(faults_of(tree_rules.dead_links, files), [])
        for link in ('nowhere.md', '#no', 'docs/y.md#no', '../README.md'):
            self.assertEqual(len(faults_of(tree_rules.dead_links, files | {'B.md': f'[x]({link})\n'})), 1, link)


if __name__ == '__main__':
    unittest.main()
