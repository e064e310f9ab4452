"""Runs every scenario with the PyPI package "rocketmq-python-client", which speaks gRPC."""

import os
import sys

# Apart from what concerns the client, this is the other Python suite.
sys.path.append(os.path.join(os.path.dirname(__file__), "..", "..", "python"))

import runner  # noqa: E402
import scenarios  # noqa: E402
from lab import Lab  # noqa: E402

runner.run_all(scenarios.TOGETHER, scenarios.ALONE, Lab, side_by_side=12)
