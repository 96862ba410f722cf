"""The command doctor: a line for each finding, and an exit code for all."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC

import typer

from qupersync.bootstrap.doctor import examined
from qupersync.domain.errors import RevisionError
from qupersync.domain.finding import Finding, State
from qupersync.interface.documents import Record
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.next_command import tell_next
from qupersync.interface.options import Files, Output
from qupersync.interface.render import Column, is_table, show
from qupersync.interface.text import say

COLUMNS = (
    Column("state", lambda record: str(record["state"])),
    Column("check", lambda record: str(record["check"])),
    Column("found", lambda record: str(record["found"])),
)


def doctor(files: Files, output: Output) -> None:
    """Show what was found; exit 1 if a run would fail.

    A table leaves the remedies to the lines under it: a statement must stay whole to be copied.
    """
    findings = list(examined(jobs=files.jobs, env_file=files.env))
    show([record(finding) for finding in findings], COLUMNS, output, UTC)
    failed = {finding.remedy for finding in findings if finding.state is State.FAIL}
    if is_table(output):
        for note in _notes(findings):
            say(note)
        if RevisionError.hint in failed:
            tell_next(RevisionError.hint)
        elif not failed:
            tell_next("qupersync run --all")
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _notes(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield each remedy once, with all that it repairs, and the count of each state."""
    repaired: dict[str, list[str]] = {}
    for finding in findings:
        if finding.remedy:
            repaired.setdefault(finding.remedy, []).append(finding.subject)
    for remedy, subjects in repaired.items():
        yield f"{', '.join(subjects)} -> {remedy}"
    counts = Counter(finding.state for finding in findings)
    yield ", ".join(f"{counts[state]} {state}" for state in State)


def record(finding: Finding) -> Record:
    """Return one finding: ``state`` is ok, warn or fail; ``remedy`` what to type, or None."""
    return {
        "check": finding.subject,
        "state": finding.state.value,
        "found": finding.text,
        "remedy": finding.remedy or None,
    }
