"""Runs every scenario with the PyPI package "rocketmq" (the C++ client)."""

import runner
import scenarios
from lab import Lab

runner.run_all(scenarios.TOGETHER, scenarios.ALONE, Lab, side_by_side=6)
