"""Each command that a document or a help shows is one that the program takes."""

import re
from collections.abc import Callable, Iterable

import pytest

from tests.docs import documents, reference

Found = list[tuple[str, str]]


def found(of: Callable[[str], Iterable[str]]) -> Found:
    texts = {documents.name_of(path): path.read_text() for path in documents.ALL}
    return sorted({(name, words) for name, text in texts.items() for words in of(text)})


SHOWN, MENTIONED = found(documents.commands), found(documents.mentions)
HELPS = reference.commands()
README = (documents.TOP / "README.md").read_text()


@pytest.mark.parametrize(("document", "words"), SHOWN)
def test_the_program_takes(document: str, words: str):
    assert documents.complaint(words) == ""


@pytest.mark.parametrize(("document", "words"), MENTIONED)
def test_a_command_in_a_sentence_is_known_though_it_may_lack_its_job(document: str, words: str):
    assert documents.complaint(words) in {"", "MissingParameter"}


def test_the_runbook_the_readme_and_the_crontab_are_among_what_was_read():
    assert {"README.md", "docs/operations.md", "docs/quickstart.md", "deploy/README.md"} <= {
        document for document, _ in SHOWN + MENTIONED
    }
    assert ("README.md", "run --all -q") in SHOWN


@pytest.mark.parametrize("words", ["run --al", "dance", "watermark sett JOB 7d", "replay 5"])
def test_what_the_program_does_not_take_is_found(words: str):
    assert documents.complaint(words)


@pytest.mark.parametrize("command", HELPS)
def test_each_help_ends_with_examples_that_the_program_takes(command: str):
    *_, last = HELPS[command].split("\n\n")
    title, *lines = last.splitlines()

    assert (title, bool(lines)) == ("  Examples:", True)
    for line in lines:
        commands = list(documents.in_line(line))
        assert commands
        assert [words for words in commands if documents.complaint(words)] == []


def test_the_crontab_shows_commands_that_the_program_takes():
    lines = (documents.TOP / "crontab.example").read_text().splitlines()
    cron = [line for line in lines if re.match(r"[*\d]", line)]

    shown = [words for line in cron for words in documents.in_line(line, is_cron=True)]

    assert len(shown) > 1
    assert [words for words in shown if documents.complaint(words)] == []
