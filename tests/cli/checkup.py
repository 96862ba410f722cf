"""A user's way to ask the doctor."""

from typing import Any

from tests.cli.shell import Shell


def check(shell: Shell, **variables: str) -> tuple[int, dict[str, Any]]:
    """The exit code and what was found, by what it is about."""
    done = shell.type("doctor", "-o", "json", **{"REDSHIFT_FLAVOR": "auto"} | variables)
    return done.code, {line["check"]: line for line in done.document}


def line(shell: Shell, subject: str, **variables: str) -> Any:
    return check(shell, **variables)[1][subject]


def states(lines: dict[str, Any]) -> dict[str, str]:
    return {subject: found["state"] for subject, found in lines.items()}
