"""A schema that is made newer beside a run, or is older or newer than the program, loses no row."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.cli.shell import Done
from tests.faults.site import EXPIRE, Site
from tests.grants import ONCE, as_role

NEWER = """
DO $$ BEGIN
  ALTER TABLE quper.sync_logs ADD of_tomorrow text;
  ALTER TABLE quper.sync_batches ADD of_tomorrow text;
  ALTER TABLE quper.qupersync_state ADD of_tomorrow text;
  UPDATE quper.qupersync_version SET version_num = '9999';
END $$
"""


def upgrade(site: Site) -> Done:
    """Bring the schema up to date, as its owner."""
    site.at_target(ONCE[ONCE.index("DO $$") :])  # a copy of a database has not its grants
    owner = conninfo_to_dict(as_role(site.target, "quper_migrator"))
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    variables = {f"POSTGRES_{theirs}": str(owner[ours]) for ours, theirs in names.items()}
    return site.shell.type("db", "upgrade", **variables)


def at_revision(site: Site, number: str) -> None:
    site.at_target(f"UPDATE quper.qupersync_version SET version_num = '{number}'")


def test_an_upgrade_beside_a_run_disturbs_neither(site: Site):
    with site.interrupted():
        assert upgrade(site).code == 0

    assert (site.done.code, site.last_run()) == (0, ("success", ""))
    site.recovers()


def test_a_run_ends_well_when_its_schema_is_made_newer_and_the_next_is_refused(site: Site):
    with site.interrupted():
        site.at_target(NEWER)
    assert (site.done.code, site.last_run()) == (0, ("success", ""))

    for done in (site.run(), upgrade(site)):
        assert done.code == 5
        assert "install the version of QuperSync that made this schema" in done.err
    at_revision(site, "0003")
    site.recovers()


@pytest.mark.parametrize("revision", ["0002", "9999"])
def test_a_killed_run_is_not_gone_on_with_by_the_wrong_program(site: Site, revision: str):
    with site.interrupted() as killed:
        killed.kill()
    site.at_target(EXPIRE)
    at_revision(site, revision)

    assert site.run().code == 5
    assert site.last_run() == ("running", "")  # nobody has touched it
    at_revision(site, "0003")
    site.recovers()
