from tests.faults.proxy import End, Trap
from tests.faults.site import JOBS, Site


def test_a_target_that_goes_silent_is_not_waited_for_longer_than_the_job_may_take(site: Site):
    site.shell.write_jobs(JOBS.replace("timeout: 20s", "timeout: 3s"))
    site.proxy.set(
        Trap(
            looks_for=lambda m: m.begins and "qupersync_stage" in m.text,
            count=6,
            does=lambda: End.BLACK_HOLE,
        )
    )

    assert site.execute().code == 1  # at present it waits for ever
