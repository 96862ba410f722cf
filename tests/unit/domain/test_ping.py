"""A URL template and what becomes of it."""

from uuid import UUID

from qupersync.domain.ping import Moment, Ping

ID = UUID(int=7)
OF_JOB = Ping(moment=Moment.FAILURE, run_id=ID, status="failed", job="items", exit_code=1)
OF_PASS = Ping(moment=Moment.SUCCESS, run_id=ID, status="success", exit_code=0)


def test_the_words_in_braces_become_values():
    url = OF_JOB.url("https://x/{job}/{exit_code}?s={status}&rid={run_id}")

    assert url == f"https://x/items/1?s=failed&rid={ID}"


def test_a_template_with_job_is_about_jobs_and_any_other_about_passes():
    assert OF_JOB.url("https://x/{exit_code}") is None
    assert OF_PASS.url("https://x/{job}") is None
    assert OF_PASS.url("https://x/{exit_code}") == "https://x/0"


def test_a_value_cannot_change_the_url():
    ping = Ping(moment=Moment.START, run_id=ID, status="{run_id}", job="a/b?c=d&e #ü{status}")

    assert ping.url("https://x/{job}/{status}") == (
        "https://x/a%2Fb%3Fc%3Dd%26e%20%23%C3%BC%7Bstatus%7D/%7Brun_id%7D"
    )
