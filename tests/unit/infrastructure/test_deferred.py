"""What the driver imports for rare logins waits until it is asked for, and is then as ever."""

import subprocess
import sys

import pytest

OKTA = "redshift_connector.plugin.OktaCredentialsProvider"
OURS = "import qupersync.infrastructure.redshift.source"
PLUGIN = "from redshift_connector import plugin"


def printed(*lines: str) -> str:
    words = [sys.executable, "-W", "ignore", "-c", "\n".join(lines)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_the_driver_finds_a_plugin_by_its_name():
    found = printed(
        OURS,
        "from redshift_connector.idp_auth_helper import dynamic_plugin_import",
        f"print(dynamic_plugin_import({OKTA!r}).__name__)",
    )

    assert found == "OktaCredentialsProvider"


@pytest.mark.parametrize("name", ["__version__", "NoSuchProvider"])
def test_a_name_that_the_package_does_not_have_is_missing_at_each_look(name: str):
    look = f"hasattr(plugin, {name!r})"

    assert printed(OURS, PLUGIN, f"print({look}, {look})") == "False False"


@pytest.mark.parametrize("imports", [[OURS, PLUGIN], [PLUGIN, OURS]])
def test_all_plugins_are_there_whoever_imported_the_driver_first(imports: list[str]):
    found = printed(
        *imports,
        "import sys; plugin.PingCredentialsProvider",
        "print(*sorted(name for name in dir(plugin) if name.endswith('Plugin')))",
        "print(sys.modules[plugin.__name__] is plugin)",
    )

    assert found == "BrowserIdcAuthPlugin IdpTokenAuthPlugin\nTrue"


SCRAM = "from redshift_connector.core import ScramClient"
FIRST = "ScramClient(['SCRAM-SHA-256'], 'me', 'secret').get_client_first()[:9]"


@pytest.mark.parametrize("imports", [[OURS, SCRAM], [SCRAM, OURS]])
def test_a_server_that_asks_for_scram_gets_it(imports: list[str]):
    found = printed(*imports, "import sys", f"print({FIRST}, {FIRST}, 'asn1crypto' in sys.modules)")

    assert found == "n,,n=me,r n,,n=me,r True"


def test_the_library_is_itself_to_whoever_imports_it_after_a_login():
    looks = f"{FIRST}; import scramp; print(scramp.ScramMechanism.__name__)"

    assert printed(OURS, SCRAM, looks) == "ScramMechanism"
