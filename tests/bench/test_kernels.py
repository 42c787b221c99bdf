"""Every kernel gives CPython's result, bit for bit, in C, with Numba and with hotloop. (PyPy's results are
compared when it is measured.)"""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
try:
    import ctwin
    import fingerprint
    import kernels
    import peers
finally:
    del sys.path[0]


@pytest.fixture(params=kernels.NAMES)
def kernel(request):
    return kernels.load(request.param)


def name_of(kernel):
    return kernel.__name__.rpartition(".")[2]


def called(kernel, args, function):
    args = peers.fresh_args(args, kernel.CHANGES)
    return fingerprint.fingerprint(function(*args), args, kernel.CHANGES)


@pytest.fixture
def small(kernel):
    """Arguments of the small size, and what CPython makes of them."""
    if kernel.NUMPY:
        pytest.importorskip("numpy")
    args = kernel.inputs(kernel.SMOKE)
    return args, called(kernel, args, kernel.kernel)


def test_iterations_are_counted(kernel):
    assert 0 < kernel.iterations(kernel.HOT) < kernel.iterations(kernel.SMOKE)


@pytest.mark.parametrize("compiler", ctwin.COMPILERS)
def test_c(kernel, small, compiler):
    args, right = small
    args = peers.fresh_args(args, kernel.CHANGES)
    try:
        twin = ctwin.Twin(name_of(kernel), kernel.C_RESULT, args, compiler)
    except peers.Missing as why:
        pytest.skip(str(why))
    got = fingerprint.fingerprint(twin.result(twin()), twin.args, kernel.CHANGES)
    fingerprint.check(got, right, types=False)


@pytest.mark.filterwarnings("ignore")  # what Numba says about lists
@pytest.mark.parametrize("peer", ["numba", "hotloop"])
def test_jits(kernel, small, peer):
    pytest.importorskip(peer)
    args, right = small
    function = peers.decorator(peer)(kernel.kernel)
    for _ in range(3):  # interpreted, compiled
        fingerprint.check(called(kernel, args, function), right, types=peer == "hotloop")
        peers.settle(peer)
