"""The shell of the tests: what it starts ends with the test."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.shell import Child


@pytest.mark.parametrize("wait", [Child.wait, Child.communicate])
def test_a_process_is_killed_when_a_wait_for_it_times_out(wait: Callable[..., object]):
    with Child([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            wait(process, timeout=0.01)

        assert process.wait(timeout=60) == -signal.SIGKILL
