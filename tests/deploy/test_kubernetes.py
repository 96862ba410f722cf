"""The manifests: known to the newest Kubernetes, and at one with the program and the image."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from kubernetes_validate.utils import all_versions  # type: ignore[import-untyped]

from qupersync.infrastructure.settings import load_settings
from qupersync.interface.exit_codes import ExitCode
from tests.deploy.files import (
    DOCKERFILE,
    INTERVAL,
    KNOWN,
    KUBERNETES,
    README,
    labels,
    manifest,
    pods,
    variables,
)

NEWEST = list(dict.fromkeys(version.removesuffix("-local") for version in all_versions()))[-3:]
MANIFESTS = ["cronjob.yaml", "upgrade.yaml", "networkpolicy.yaml"]


@pytest.mark.parametrize("version", NEWEST)
@pytest.mark.parametrize("name", MANIFESTS)
def test_kubernetes_knows_each_field(name: str, version: str):
    kubernetes_validate.validate(manifest(name), version, strict=True)


def test_kubernetes_would_refuse_an_unknown_field():
    broken = manifest("cronjob.yaml")
    broken["spec"]["concurrencyPolice"] = "Forbid"

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, NEWEST[-1], strict=True)


def test_kustomize_names_each_manifest_and_what_they_mount():
    kustomization = manifest("kustomization.yaml")
    generated = {entry["name"]: entry for entry in kustomization["configMapGenerator"]}
    mounted = {
        volume["configMap"]["name"]
        for pod in pods().values()
        for volume in pod["volumes"]
        if "configMap" in volume
    }
    read = {
        source["configMapRef"]["name"]
        for pod in pods().values()
        for source in pod["containers"][0]["envFrom"]
    }

    assert kustomization["resources"] == MANIFESTS
    assert generated.keys() == mounted | read
    assert generated["qupersync-jobs"]["files"] == ["jobs.yaml"]
    assert (KUBERNETES / generated["qupersync-settings"]["envs"][0]).is_file()


def test_the_manifests_run_the_image_of_this_version():
    [image] = manifest("kustomization.yaml")["images"]

    assert image["newTag"] == labels()["version"]
    assert {pod["containers"][0]["image"] for pod in pods().values()} == {image["name"]}
    assert f"{image['newName']}:{image['newTag']}" in README


@pytest.mark.parametrize("pod", pods().values(), ids=pods())
def test_a_pod_has_no_right_that_it_does_not_need(pod: dict[str, Any]):
    [container] = pod["containers"]
    [user] = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    ids = tuple(str(pod["securityContext"][name]) for name in ("runAsUser", "runAsGroup"))

    assert ids == user
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"].keys() == {"requests", "limits"}


def test_what_no_retry_cures_is_not_retried():
    job = manifest("cronjob.yaml")["spec"]["jobTemplate"]["spec"]
    disrupted, hopeless = job["podFailurePolicy"]["rules"]
    cured_by_time = {ExitCode.OK, ExitCode.FAILED, ExitCode.UNREACHABLE, ExitCode.HELD}

    assert (disrupted["action"], hopeless["action"]) == ("Ignore", "FailJob")
    assert set(hopeless["onExitCodes"]["values"]) == set(ExitCode) - cured_by_time
    assert hopeless["onExitCodes"]["containerName"] == pods()["cronjob"]["containers"][0]["name"]
    assert pods()["cronjob"]["restartPolicy"] == "Never"


def test_the_readme_names_the_exit_codes_that_are_not_retried():
    [told] = re.findall(r"ends with ([\d, or]+) is not tried again", README)
    rule = manifest("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][1]

    assert [int(code) for code in re.findall(r"\d+", told)] == rule["onExitCodes"]["values"]


def test_a_missed_turn_is_made_up_for_only_before_the_next():
    spec = manifest("cronjob.yaml")["spec"]

    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    assert 10 <= spec["startingDeadlineSeconds"] < INTERVAL


def test_settings_for_kubernetes_are_valid_and_whole(tmp_path: Path):
    values = variables(KUBERNETES / "settings.env")
    for name in [name for name in values if name.endswith("_FILE")]:
        secret = tmp_path / Path(values[name]).name
        secret.write_text("x")
        values[name] = str(secret)

    settings = load_settings(values, None)

    settings.require(settings.redshift, settings.postgres)
    assert settings.secrets() == {"x"}


def test_the_upgrade_overrides_only_known_variables():
    variables = {entry["name"] for entry in pods()["upgrade"]["containers"][0]["env"]}

    assert {name.removesuffix("_FILE") for name in variables} <= KNOWN
    assert pods()["upgrade"]["containers"][0]["args"] == ["db", "upgrade"]


def test_each_secret_file_is_in_a_secret_that_the_readme_creates_and_the_pod_mounts():
    made = {
        name: set(re.findall(r"--from-file=(\S+)", files))
        for name, files in re.findall(r"create secret generic (\S+)(.*)", README)
    }
    settings = variables(KUBERNETES / "settings.env")
    overrides = {e["name"]: e["value"] for e in pods()["upgrade"]["containers"][0]["env"]}

    assert {
        pod["volumes"][-1]["secret"]["secretName"]: {
            Path(path).name for name, path in environment.items() if name.endswith("_FILE") and path
        }
        for pod, environment in (
            (pods()["cronjob"], settings),
            (pods()["upgrade"], settings | overrides),
        )
    } == made
