#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/pipeline.md is what tests/support/gen-pipeline prints."""

import os
import subprocess
import sys

import nvalint

DOC = os.path.join(nvalint.root(), "docs", "pipeline.md")
generator = os.path.join(os.environ.get("NVA_BUILD", "build"),
                         "tests", "support", "gen-pipeline")
if subprocess.run([generator, "--check", DOC], check=False).returncode:
    print("docs/pipeline.md is stale: write it with "
          "build/tests/support/gen-pipeline >docs/pipeline.md")
    sys.exit(1)
