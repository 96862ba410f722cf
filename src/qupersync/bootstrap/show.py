"""One past run, found by the beginning of its id."""

from typing import Any
from uuid import UUID

from qupersync.bootstrap.app import App
from qupersync.domain.errors import SelectionError
from qupersync.infrastructure.postgres.run_details import RunDetails

_DIGITS, _NAMED = 32, 5


def run_details(app: App, prefix: str) -> dict[str, Any]:
    """Return what ``RunDetails.of`` does of the one run whose id begins with ``prefix``.

    Raises:
        SelectionError: no run's id does, or those of several do; names them.
    """
    with app.servers.reports() as reports:
        details = RunDetails(reports.session, reports.source)
        return details.of(_only(details, prefix))


def run_named(app: App, prefix: str) -> UUID:
    """Return the id of the one run whose id begins with ``prefix``.

    Raises:
        SelectionError: no run's id does, or those of several do; names them.
    """
    with app.servers.reports() as reports:
        return _only(RunDetails(reports.session, reports.source), prefix)


def _only(details: RunDetails, prefix: str) -> UUID:
    digits = prefix.replace("-", "")
    first, last = (UUID(digits.ljust(_DIGITS, filler)) for filler in "0f")
    found = details.matching(first, last, _NAMED)
    if len(found) == 1:
        run_id: UUID = found[0]["run_id"]
        return run_id
    if not found:
        raise SelectionError(f"no run's id begins with {prefix}", hint="qupersync history")
    named = ", ".join(f"{run['run_id']} ({run['job']}, {run['status']})" for run in found)
    hint = f"qupersync show {found[0]['run_id']}"
    raise SelectionError(f"the ids of several runs begin with {prefix}: {named}", hint=hint)
