"""A file that others read meanwhile is replaced whole or not at all."""

import os
from pathlib import Path

import pytest

from qupersync.infrastructure.atomic_file import write_atomically


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_that_has_the_old_file_open_reads_it_to_the_end(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text("old")

    with path.open() as reader:
        write_atomically(path, "new")
        assert reader.read() == "old"

    assert path.read_text() == "new"


def test_a_link_is_followed(tmp_path: Path):
    path, link = tmp_path / "page.html", tmp_path / "link"
    link.symlink_to(path)

    write_atomically(link, "new")

    assert (link.is_symlink(), path.read_text()) == (True, "new")


def test_a_pipe_is_written_to_and_stays(tmp_path: Path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(path, "new")
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)

    assert path.is_fifo()


def test_a_folder_is_an_error(tmp_path: Path):
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path, "new")
