"""The systemd unit and its timer."""

from qupersync.infrastructure.settings import SECRETS, load_settings
from tests.deploy.files import SYSTEMD, directives, variables


def test_the_unit_runs_once_hardened_with_secrets_as_credentials():
    unit = directives("qupersync.service")
    hardening = dict(unit)
    credentials = {value.split(":")[0] for key, value in unit if key == "LoadCredential"}
    environment = dict(value.split("=") for key, value in unit if key == "Environment")
    files = {n: v for n, v in environment.items() if n.endswith("_FILE")}

    assert hardening["Type"] == "oneshot"
    assert hardening["ProtectSystem"] == "strict"
    assert {hardening[key] for key in ("DynamicUser", "NoNewPrivileges", "ProtectHome")} == {"yes"}
    assert {name.removesuffix("_FILE") for name in files} <= SECRETS
    assert set(files.values()) == {f"%d/{name}" for name in credentials}


def test_the_unit_has_all_settings_that_a_run_needs():
    named = variables(SYSTEMD / "settings.env")
    secrets = {
        value.split("_FILE=")[0]: "x"
        for key, value in directives("qupersync.service")
        if key == "Environment" and "_FILE=" in value
    }

    settings = load_settings(named | secrets, None)

    settings.require(settings.redshift, settings.postgres)
    assert list(settings.tls_warnings()) == []


def test_the_timer_catches_up_after_the_machine_was_off():
    assert dict(directives("qupersync.timer"))["Persistent"] == "true"
    assert dict(directives("qupersync.timer"))["OnCalendar"].endswith(" UTC")
