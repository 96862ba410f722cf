"""A crash leaves no image of the memory, which holds every password."""

import subprocess
import sys

PROGRAM = """
import atexit, resource, sys
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
atexit.register(lambda: print(resource.getrlimit(resource.RLIMIT_CORE)[0]))
sys.argv[1:] = ['--version']
from qupersync.__main__ import main
main()
"""


def test_the_program_allows_no_core_dump_of_itself():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "0"
