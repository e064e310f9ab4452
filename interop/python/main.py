"""Runs every scenario with the PyPI package "rocketmq" (the C++ client) and prints PASS or FAIL for each."""

import concurrent.futures
import os
import re
import time
import traceback

import scenarios
from driver import Driver
from lab import Lab

SIDE_BY_SIDE = 6


def name_of(scenario):
    return scenario.__name__.removeprefix("send_").replace("_", "-")


def run(driver, scenario):
    name, start = name_of(scenario), time.monotonic()
    lab = Lab(driver, name)
    try:
        scenario(lab)
        lab.close()
    except Exception as e:
        traceback.print_exc()
        driver.say("FAIL %s %s: %s" % (name, type(e).__name__, e))
        return False
    driver.say("PASS %s %d" % (name, (time.monotonic() - start) * 1000))
    return True


def main():
    driver, only = Driver(), re.compile(os.environ["INTEROP_ONLY"])
    together = [s for s in scenarios.TOGETHER if only.search(name_of(s))]
    alone = [s for s in scenarios.ALONE if only.search(name_of(s))]
    for scenario in together + alone:
        driver.say("PLAN " + name_of(scenario))
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        passed = list(pool.map(lambda s: run(driver, s), together))
    passed += [run(driver, s) for s in alone]
    os._exit(0 if all(passed) else 1)  # not through the destructors of the library's clients, which may be shut down twice


main()
