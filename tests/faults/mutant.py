"""Runs the program with one mistake in it: python -m tests.faults.mutant NAME run JOB."""

import sys

from qupersync.__main__ import main
from tests.faults.mutants import MUTANTS

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    main()
