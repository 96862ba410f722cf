"""What to do about an error: the next command to type, by the error's code."""

from qupersync.domain.errors import (
    BugError,
    ConfigError,
    QuperSyncError,
    RevisionError,
    TooManyRejectsError,
)

_BY_ERROR_CODE = {
    "source-unavailable": "check REDSHIFT_HOST, REDSHIFT_PORT and the network",
    "target-unavailable": "check POSTGRES_HOST, POSTGRES_PORT and that the server runs",
    "login-refused": "check user, password and database in the environment or in .env",
    "permission-denied": "grant the right that is missing to the user that QuperSync logs in as",
    "query-failed": "repair the job's sql in jobs.yaml, then: qupersync run {job}",
    "column-missing": "make sql and columns of the job agree in jobs.yaml",
    "target-mismatch": "make the table fit the job; a missing one is made by: "
    "qupersync db create {job}",
    "max-delete": "if the rows are really gone: qupersync run {job} --allow-deletes",
    "state-missing": "qupersync run {job} --from-initial",
    "lease-held": "qupersync status {job}",
    TooManyRejectsError.code: TooManyRejectsError.hint,
    RevisionError.code: RevisionError.hint,
    BugError.code: BugError.hint,
}
_RUN_AGAIN = "qupersync run {job}"


def about(code: str, job: str) -> str:
    """Return what to do about a job's error; where nothing better is known, run it again."""
    return _BY_ERROR_CODE.get(code, _RUN_AGAIN).format(job=job)


def line(error: QuperSyncError) -> str:
    """Return an error as one line for people: what is wrong and what to do about it.

    A configuration may have several problems: one a line, each with its place.
    """
    if isinstance(error, ConfigError):
        prefix = "" if error.problems else "error: "
        text = "\n".join(prefix + problem for problem in str(error).split("\n"))
    else:
        text = f"error: {one_line(str(error))}"
    hint = error.hint or _BY_ERROR_CODE.get(error.code, "")
    return f"{text} -> {hint}" if hint and "{job}" not in hint else text


def one_line(text: str) -> str:
    """Return a server's message without its line breaks."""
    return " ".join(text.split())
