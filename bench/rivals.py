"""The programs that QuperSync is compared with, as their own documents say to make them fast."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.contestants import SCHEMA, Contestant, Place
from bench.shapes import TABLE, Shape

_SLING = "lib/python{0.major}.{0.minor}/site-packages/sling_linux_amd64/bin/sling-linux-amd64"
_DLT_JOB = Path(__file__).with_name("dlt_job.py")
# The last sling whose wheel holds the program itself; later ones fetch it from elsewhere.
_REQUIREMENTS = {
    "ingestr": ("ingestr==0.15.9",),
    "sling": ("sling-linux-amd64==1.4.11",),
    "py-spy": ("py-spy==0.4.3",),  # no rival: it looks into QuperSync
    "dlt": (
        "dlt[postgres]==1.31.0",
        "adbc-driver-manager==1.13.0",
        "adbc-driver-postgresql==1.13.0",
        "connectorx==0.4.6",
        "pyarrow==26.0.1",
        "sqlalchemy==2.1.9",
    ),
}


def rivals() -> Iterator[Contestant]:
    """Install those that are missing, each into an environment of its own, and yield all."""
    yield _ingestr(installed("ingestr"))
    yield _sling(installed("sling"))
    yield _dlt(installed("dlt"))


def installed(name: str) -> Path:
    """Return the folder of an environment with this program, made anew if it is another version."""
    environ = os.environ  # noqa: TID251 - the benchmark has no other settings
    home = environ.get("QUPERSYNC_BENCH_CACHE") or Path.home() / ".cache" / "qupersync-bench"
    folder = Path(home, name)
    pinned = "\n".join(_REQUIREMENTS[name])
    stamp = folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != pinned:
        print(f"installing {name} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *_REQUIREMENTS[name]], check=True)
        stamp.write_text(pinned)
    return folder


def _version(name: str) -> str:
    return _REQUIREMENTS[name][0].partition("==")[2]


def _ingestr(folder: Path) -> Contestant:
    """Return ingestr with its merge strategy.

    Its help has two dials for a single table: --page-size and --loader-file-size. With four
    times the default 200,000 rows took no less time (3 of 3 tries), so both stay as they come.
    """

    def words(place: Place, shape: Shape, _again: bool) -> Sequence[str]:  # noqa: FBT001
        return [
            *(str(folder / "bin" / "ingestr"), "ingest", "--yes", "--progress", "log"),
            *("--source-uri", place.source_url, "--source-table", f"public.{TABLE}"),
            *("--dest-uri", place.target_url, "--dest-table", f"{SCHEMA}.{TABLE}"),
            *("--incremental-strategy", "merge", "--primary-key", shape.key),
        ]

    return Contestant(
        name="ingestr",
        version=_version("ingestr"),
        words=words,
        environ=lambda _place: {"INGESTR_DISABLE_TELEMETRY": "true", "DISABLE_TELEMETRY": "true"},
    )


def _sling(folder: Path) -> Contestant:
    """Return sling in mode incremental without an update key: an upsert of all rows.

    The target option use_bulk is COPY. What its page "Global Variables" has for speed is for many
    tables at once (SLING_THREADS).
    """

    def words(place: Place, shape: Shape, _again: bool) -> Sequence[str]:  # noqa: FBT001
        return [
            *(str(folder / _SLING.format(sys.version_info)), "run", "--mode", "incremental"),
            *("--src-conn", place.source_url, "--src-stream", f"public.{TABLE}"),
            *("--tgt-conn", place.target_url, "--tgt-object", f"{SCHEMA}.{TABLE}"),
            *("--primary-key", shape.key, "--tgt-options", json.dumps({"use_bulk": True})),
        ]

    return Contestant(
        name="sling",
        version=_version("sling"),
        words=words,
        environ=lambda place: {
            "SLING_DISABLE_TELEMETRY": "true",
            "SLING_HOME_DIR": str(place.folder / "sling"),
        },
    )


def _dlt(folder: Path) -> Contestant:
    """Return dlt with Arrow all the way; what was chosen, and why, stands in dlt_job.py."""

    def words(place: Place, shape: Shape, _again: bool) -> Sequence[str]:  # noqa: FBT001
        python = str(folder / "bin" / "python")
        return [python, str(_DLT_JOB), place.source_url, place.target_url, TABLE, shape.key, SCHEMA]

    return Contestant(
        name="dlt",
        version=_version("dlt"),
        words=words,
        environ=lambda place: {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
            "DLT_DATA_DIR": str(place.folder / "dlt"),
        },
    )
