"""Rules about the tree itself: no paths of one machine, no download hosts, no dead files, no dead links, no giants."""
import pathlib
import posixpath
import re

import house_rules
import source_tree

# Addresses that may stand in a file. Nothing is downloaded at build or test time except by apt-get and npm, which know
# their own sources.
KNOWN_HOSTS = {'localhost', '127.0.0.1', '[::1]', 'example.com', 'example.org', 'json-schema.org', 'www.vscp.org'}
HOSTS_IN_DOCUMENTS = {'github.com', 'grodansparadis.github.io'}  # to cite what was read
_ADDRESS = re.compile(r'\b(?:https?|ftp|git|ssh)://(?:[^\s/@]*@)?(\[[0-9a-fA-F:]+\]|[\w.-]+)')
_DOWNLOAD_HOST = re.compile(r'\b(registry\.[a-z]+js|[a-z]*\.?pypi\.|pythonhosted\.|deb\.debian\.|security\.debian\.|'
                            r'rawcontent|raw\.githubuser|crates\.io|proxy\.golang)')
# Absolute paths that exist on one machine only.
_MACHINE_PATH = re.compile(r'(?<![\w./-])/(home|root|Users|mnt|media)/\w')
_SIZED = ('.h', '.cpp', '.py', '.sh', '.md', '.build')


def machine_faults(root):
    """Paths of one machine and hosts that things are downloaded from."""
    found = []
    # The place of this very checkout, unless its name is so short that it means something else.
    own_place = str(root) if len(root.parts) > 2 else None
    for path in source_tree.files(root):
        text = source_tree.text(root, path)
        if text is None or path.startswith('tests/layout/'):
            continue
        hosts = KNOWN_HOSTS | (HOSTS_IN_DOCUMENTS if path.endswith('.md') else set())
        for number, line in enumerate(text.splitlines(), 1):
            if _MACHINE_PATH.search(line) or (own_place and own_place in line):
                found.append(f'{path}:{number}: a path of one machine: {line.strip()[:100]}')
            unknown = [host for host in _ADDRESS.findall(line) if host.rstrip('.') not in hosts]
            if unknown or _DOWNLOAD_HOST.search(line):
                found.append(f'{path}:{number}: a host not known in tests/layout/tree_rules.py: {line.strip()[:100]}')
    return found


def size_faults(root):
    """Files that are too long and are not generated."""
    found = []
    for path in source_tree.files(root):
        if not path.endswith(_SIZED):
            continue
        text = source_tree.text(root, path) or ''
        count = text.count('\n')
        if count > house_rules.FILE_LINES_MAX and not house_rules.is_generated(text):
            found.append(f'{path}: {count} lines, {house_rules.FILE_LINES_MAX} are allowed; split it by what it does')
    return found


def _named_in(meson_text, relative):
    """Is `relative` named in this meson.build: whole, or put together from two of its words in a loop?"""
    words = set(re.findall(r"'([^'\n]*)'", meson_text))
    if relative in words:
        return True
    for word in words:
        if '@' in word and any(re.sub(r'@\w+@', lambda _, w=other: w, word) == relative for other in words):
            return True
        rest = relative[len(word):] if word and relative.startswith(word) else None
        if rest and rest in words:
            return True
    return False


def dead_files(root):
    """C++ files that no meson.build builds."""
    all_files = source_tree.files(root)
    meson = {posixpath.dirname(path): source_tree.text(root, path) for path in all_files
             if posixpath.basename(path) == 'meson.build'}
    found = []
    for path in all_files:
        if not path.endswith('.cpp'):
            continue
        folder = pathlib.PurePosixPath(path).parent
        folders = ['' if str(parent) == '.' else str(parent) for parent in (folder, *folder.parents)]
        if not any(f in meson and _named_in(meson[f], posixpath.relpath(path, f or '.')) for f in folders):
            found.append(f'{path}: no meson.build at or above it names it')
    return found


def _anchors(text):
    """The anchors of a document's headings, as they are made on the web."""
    prose = re.sub(r'^```.*?^```', '', text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r'^#+\s+(.*)$', prose, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-') for heading in headings}


def dead_links(root):
    """Links in documents to files or headings that are not there."""
    all_files = set(source_tree.files(root))
    folders = {str(parent) for path in all_files for parent in pathlib.PurePosixPath(path).parents}
    found = []
    for path in sorted(all_files):
        if not path.endswith('.md'):
            continue
        text = re.sub(r'^```.*?^```', '', source_tree.text(root, path) or '', flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'`[^`\n]*`', '', text)):
            if re.match(r'[a-z]+:', target):
                continue
            name, _, anchor = target.partition('#')
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
            if place not in all_files and place not in folders:
                found.append(f'{path}: the link {target} leads nowhere')
            elif anchor and place.endswith('.md') and anchor not in _anchors(source_tree.text(root, place)):
                found.append(f'{path}: the link {target} names no heading of {place}')
    return found
