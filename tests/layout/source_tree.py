"""The project's files as the layout tests see them: which there are, and their code without comments and strings."""
import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_SUFFIXES = ('.h', '.cpp')
_IGNORED = {'.git', '.cache', 'node_modules', '__pycache__'}


def files(root):
    """Relative posix paths of the project's files: tracked ones and new ones that git does not ignore."""
    try:
        listed = subprocess.run(['git', '-C', str(root), 'ls-files', '-z', '-co', '--exclude-standard'],
                                capture_output=True, check=True).stdout.decode('utf-8').split('\0')
        found = [path for path in listed if path and (root / path).is_file()]
    except (OSError, subprocess.CalledProcessError):
        found = []
    # No git here, no checkout, or a tree inside another checkout that ignores it: look ourselves.
    return sorted(set(found)) or sorted(_walk(root))


def _walk(root):
    for path in root.rglob('*'):
        parts = path.relative_to(root).parts
        if path.is_file() and not _IGNORED.intersection(parts) and not parts[0].startswith('build'):
            yield path.relative_to(root).as_posix()


def code_files(root, *folders):
    """The C++ files below the given folders (all of them if none is given)."""
    return [path for path in files(root)
            if path.endswith(CODE_SUFFIXES) and (not folders or path.startswith(tuple(f + '/' for f in folders)))]


def text(root, path):
    """The text of a file; None if it is binary."""
    data = (root / path).read_bytes()
    if b'\0' in data:
        return None
    return data.decode('utf-8', errors='replace')


_TOKEN = re.compile(
    r'(?P<include>^[ \t]*#[ \t]*include[ \t]*["<][^">\n]*[">])'
    r'|//[^\n]*|/\*.*?\*/'
    r'|R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f'])'(?:\\.|[^'\\\n])+'",
    re.DOTALL | re.MULTILINE)


@functools.lru_cache(maxsize=None)
def code_of(source):
    """`source` with comments gone and the inside of strings and characters gone; line numbers stay."""
    def blank(match):
        token = match.group(0)
        newlines = '\n' * token.count('\n')
        if match['include']:
            return token  # its name is no string
        if token.startswith('/'):
            return ' ' + newlines
        return '""' + newlines if token.startswith('R') else token[0] + newlines + token[-1]
    return _TOKEN.sub(blank, source)


def lines_matching(code, pattern):
    """(line number, line) of each line of `code` that the pattern is found in; #include lines are left out."""
    return [(number, line.strip()) for number, line in enumerate(code.splitlines(), 1)
            if re.search(pattern, line) and not re.match(r'\s*#\s*include', line)]
