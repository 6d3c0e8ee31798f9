"""A small tree in a temporary folder, for the tests that prove that a rule can fail."""
import contextlib
import pathlib
import tempfile


@contextlib.contextmanager
def tree(files):
    """Yields the folder; `files` maps relative paths to their text."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding='utf-8')
        yield root
