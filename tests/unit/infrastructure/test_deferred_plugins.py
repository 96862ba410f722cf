"""The driver's plugins wait until one is asked for, and are then as if they had not waited."""

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
