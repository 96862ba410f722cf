"""Another driver than the pinned one: its rows are checked, or none is read through it."""

import re
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.cli.shell import Done, World

# What another version might be inside: why not, a pattern of the source, and what is there instead.
INSIDES = {
    "handlers": ("without message_types", r"\bmessage_types\b", "handlers"),
    "readers": ("without redshift_types", r"(?<=\.)redshift_types\b", "readers"),
    "socket": ("without _usock", r"\b_usock\b", "_socket"),
    "statement": ("without ps", r"(?<=\.)ps\b", "statement"),
    "decodes": (
        "it decodes rows by itself",
        r"self\.message_types\[code\]\((.*), cursor\)",
        r"(self.handle_DATA_ROW if code == b'D' else self.message_types[code])(\1, cursor)",
    ),
    "formats": (
        "values come as other bytes",
        r'self\.redshift_types\[f\["type_oid"\]\]\[0\]',
        "0",
    ),
}


@pytest.fixture
def install(world: World, tmp_path: Path) -> Callable[..., None]:
    """Put a driver before the installed one that calls itself 2.3.0."""

    def install(pattern: str = "$^", instead: str = "") -> None:
        found, folder = distribution("redshift_connector"), tmp_path / "packages"
        for name in ("redshift_connector", f"redshift_connector-{found.version}.dist-info"):
            whole = Path(str(found.locate_file(name)))
            copytree(whole, folder / name, ignore=ignore_patterns("__pycache__"))
        for file in folder.glob("*.dist-info/METADATA"):
            told = file.read_text()
            file.write_text(told.replace(f"Version: {found.version}", "Version: 2.3.0"))
        for name in ("core.py", "cursor.py"):
            file = folder / "redshift_connector" / name
            file.write_text(re.sub(pattern, instead, file.read_text()))
        world.shell.variables["PYTHONPATH"] = str(folder)

    return install


def test_rows_of_an_unknown_version_are_checked(world: World, install):
    install()

    done = world.shell.execute("run", "items")

    assert (done.code, world.rows("SELECT count(*) FROM items")) == (0, [(3,)])
    assert "unknown bytes of the driver: each row is checked, which is slower" in done.err
    [plan] = world.shell.execute("plan", "items", "-o", "json").document
    assert plan["path"] == "checked"


@pytest.mark.parametrize("inside", INSIDES.values(), ids=list(INSIDES))
def test_through_a_driver_with_another_inside_nothing_is_read(world: World, install, inside):
    why, *change = inside
    install(*change)

    done = world.shell.execute("run", "items")

    text = f"error: this redshift_connector is not one that is known: {why}"
    assert done == Done(
        code=3, out="", err=f"{text} -> pip install 'redshift_connector>=2.2,<2.3'\n"
    )
    assert world.rows("SELECT count(*) FROM items") == [(0,)]
