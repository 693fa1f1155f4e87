"""The certified OpenID provider as a program: `python -m tests.conformance.openid_provider`, until it is killed."""

import os
import sys
from pathlib import Path

from tests.conformance.suite import Suite

if __name__ == "__main__":
    suite = Suite.find()
    if suite is None:
        sys.exit("node_modules is not here; `make conformance-suite` installs it")
    os.execv(suite.node, [suite.node, str(Path(__file__).with_suffix(".mjs"))])
