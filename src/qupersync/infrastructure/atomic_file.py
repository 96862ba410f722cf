"""Writes a file that others read meanwhile."""

import os
from pathlib import Path
from tempfile import mkstemp

# node_exporter and web servers run as other users, and cron's umask may be narrow.
FOR_EVERYBODY = 0o644


def write_atomically(path: Path, text: str) -> None:
    """Replace the file whole or not at all, so that a reader never sees half of it.

    Everybody may read it. A link is followed; what is no regular file, such as /dev/stdout, is
    written to as it is.

    Raises:
        OSError: it cannot be written; what was there before is as it was.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    path = path.resolve()
    # A suffix that no reader of *.prom or *.html looks at.
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, FOR_EVERYBODY)
            os.fsync(descriptor)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
