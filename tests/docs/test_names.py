"""What the documents call by name is there: codes, states, tables, variables, modules."""

import re
from pathlib import Path

import psycopg
import pytest

from qupersync.application.run_job import NOT_ON_THIS_FLAVOR
from qupersync.domain import column_rules
from qupersync.domain.run import Status
from qupersync.domain.status import Health
from qupersync.infrastructure.postgres import staging
from qupersync.infrastructure.postgres.run_log import VANISHED
from qupersync.interface.exit_codes import ExitCode
from tests.docs import documents, reference

DOCS = documents.TOP / "docs"
ERRORS, OPERATIONS = (DOCS / "errors.md").read_text(), (DOCS / "operations.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()
MIGRATIONS = "".join(path.read_text() for path in documents.TOP.glob("migrations/sql/*.sql"))
# The one that tells where the others are, and its table of revisions, which alembic makes.
NOT_SETTINGS, BY_ALEMBIC = {"QUPERSYNC_JOBS"}, {"qupersync_version"}
EXAMPLES = {"orders", "nodes", "countries", "dump"}
TEXTS = {documents.name_of(path): path.read_text() for path in documents.ALL}


def test_every_error_says_what_to_do():
    assert [code for code, kind in reference.kinds_of_error().items() if not kind.hint] == []


def test_the_runbook_has_an_entry_for_each_error_code():
    codes = {*reference.kinds_of_error(), NOT_ON_THIS_FLAVOR, str(VANISHED["error_code"])}

    assert re.findall(r"^### `(.*)`$", ERRORS, re.MULTILINE) == sorted(codes)


def test_every_reason_of_a_reject_is_explained():
    source = "".join(Path(str(module.__file__)).read_text() for module in (staging, column_rules))
    reasons = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', source)) - {"target-text-v1"}

    assert reasons
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in ERRORS] == []


@pytest.mark.parametrize("states", [Health, Status])
def test_the_runbook_says_what_each_state_means(states: type[Health] | type[Status]):
    assert [state for state in states if f"\n| `{state}` |" not in OPERATIONS] == []


def test_the_readme_names_every_exit_code():
    table = re.findall(r"^\| ([0-9, ]+) \|", TEXTS["README.md"], re.MULTILINE)
    told = {int(code) for row in table for code in row.split(",")}

    assert told == {*map(int, ExitCode), 130, 143}


@pytest.mark.parametrize("document", TEXTS)
def test_a_table_that_is_named_is_made_by_a_migration(document: str):
    made = set(re.findall(r"(?:TABLE|VIEW|SEQUENCE) quper\.(\w+)", MIGRATIONS)) | BY_ALEMBIC
    named = set(re.findall(r"\bquper\.(\w+)", TEXTS[document]))

    assert named - made - EXAMPLES == set()


def test_the_architecture_names_each_table_and_view():
    made = set(re.findall(r"(?:TABLE|VIEW) quper\.(\w+)", MIGRATIONS)) | BY_ALEMBIC

    assert [name for name in sorted(made) if f"`quper.{name}`" not in ARCHITECTURE] == []


@pytest.mark.parametrize("document", TEXTS)
def test_a_variable_that_is_named_is_known(document: str):
    pattern = r"\b(?:REDSHIFT|AWS|POSTGRES|SYNC|QUPERSYNC)_[A-Z_]*[A-Z]\b(?!_\*)"
    files = {f"{name}_FILE" for name in reference.secrets()}

    named = set(re.findall(pattern, TEXTS[document]))

    assert named - reference.variables().keys() - files - NOT_SETTINGS == set()


def test_each_module_that_the_architecture_names_is_there():
    names = re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.\w+)?|[a-z_]+\.py)`", ARCHITECTURE)
    places = (
        documents.TOP,
        documents.TOP / "src/qupersync",
        documents.TOP / "src/qupersync/domain",
    )

    assert len(names) > 20
    assert [n for n in names if not any((place / n).exists() for place in places)] == []


@pytest.mark.parametrize(
    ("document", "sql"),
    [
        (name, code)
        for name, text in TEXTS.items()
        for language, code in documents.fences(text)
        if language == "sql"
    ],
)
def test_the_target_takes_the_sql_that_is_shown(target: str, document: str, sql: str):
    with psycopg.connect(target) as connection:
        connection.execute(sql.encode())
