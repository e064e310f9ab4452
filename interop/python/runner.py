"""Runs scenarios and prints PASS or FAIL for each."""

import concurrent.futures
import os
import re
import time
import traceback

from driver import Driver


def name_of(scenario):
    return scenario.__name__.removeprefix("send_").replace("_", "-")


def run(driver, scenario, lab):
    name, start = name_of(scenario), time.monotonic()
    try:
        scenario(lab)
        lab.close()
    except Exception as e:
        traceback.print_exc()
        driver.say("FAIL %s %s: %s" % (name, type(e).__name__, e))
        return False
    driver.say("PASS %s %d" % (name, (time.monotonic() - start) * 1000))
    return True


def run_all(together, alone, make_lab, side_by_side):
    """make_lab(driver, name) makes a scenario's lab. Does not return."""
    driver, only = Driver(), re.compile(os.environ["INTEROP_ONLY"])
    together = [s for s in together if only.search(name_of(s))]
    alone = [s for s in alone if only.search(name_of(s))]
    for scenario in together + alone:
        driver.say("PLAN " + name_of(scenario))
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
        passed = list(pool.map(lambda s: run(driver, s, make_lab(driver, name_of(s))), together))
    passed += [run(driver, s, make_lab(driver, name_of(s))) for s in alone]
    os._exit(0 if all(passed) else 1)  # not through the destructors of the clients, which may be shut down twice
