"""Shared by all tests: the support modules on the path, and a limit on every test's time."""

import faulthandler
import gc
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
pytest.register_assert_rewrite("asm", "differ", "native", "freeze", "scripts")

# A test that takes longer hangs: the stacks of all threads are printed and the run ends with a failure.
LIMIT = float(os.environ.get("HOTLOOP_TEST_LIMIT", "120"))
_STDERR = []


def pytest_configure(config):
    _STDERR.append(os.dup(2))  # the real one: pytest captures only later


def pytest_collection_finish(session):
    # What imports made stays out of the many collections that tests do.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def time_limit():
    faulthandler.dump_traceback_later(LIMIT, exit=True, file=_STDERR[0])
    yield
    faulthandler.cancel_dump_traceback_later()
