"""The benchmark's own test: a smoke run must end well, its data hold figures and no failures."""
import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "bench")
sys.path.insert(0, BENCH)
try:
    import kernels
    import peers
finally:
    del sys.path[0]
SECTIONS = {"warm", "first", "process", "hot", "nests", "memory", "import", "call", "nogain", "callheavy",
            "ctrlc", "threads", "churn"}
KERNELS = set(kernels.NAMES)
# Loops that hotloop leaves to the interpreter, for reasons that the table gives.
INTERPRETED = set()
NATIVE = KERNELS - INTERPRETED


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "smoke.json"
    run = subprocess.run([sys.executable, os.path.join(BENCH, "run.py"), "--smoke", "--quiet",
                          "--json", str(out)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    found = json.loads(out.read_text())
    found["printed"] = run.stdout
    return found


def failures(node, path=""):
    """Places of answers that are errors; a peer that is not installed is none."""
    if isinstance(node, dict):
        if "error" in node:
            yield f"{path}: {node['error']}"
        for key, value in node.items():
            yield from failures(value, f"{path}/{key}")


def figures(data, section):
    return data["sections"][section]["figures"]


def test_nothing_failed(data):
    assert set(data["sections"]) == SECTIONS
    assert list(failures(data["sections"])) == []
    assert "missing" not in data["versions"]["hotloop"]


def test_it_says_what_it_ran_on(data):
    assert data["smoke"] is True
    assert "--smoke" in data["command"]
    assert data["machine"]["cpu"] and data["machine"]["kernel"]
    assert data["versions"]["cpython"]["numpy"]


def test_every_kernel_has_a_time_and_runs_natively(data):
    warm = figures(data, "warm")
    assert set(warm) == KERNELS
    for name, row in warm.items():
        assert row["iterations"] > 0
        for peer in ("cpython", "hotloop"):
            assert 0 < row[peer]["best"] < 1, (name, peer)
    for name in NATIVE:
        assert warm[name]["hotloop"]["native_share"] > 0.9, name
        assert warm[name]["hotloop"]["obstacles"] == [], name
    for name in INTERPRETED:
        assert warm[name]["hotloop"]["obstacles"], f"{name} is native: NATIVE has to name it"


def test_hot_and_first_call(data):
    hot = figures(data, "hot")
    assert set(hot) == KERNELS
    for name in NATIVE:
        row = hot[name]
        assert 0 < row["first"]["inside_seconds"] < row["first"]["seconds"]["median"], name
        assert row["later"]["compiles"] >= 1, name
    assert all(0 < row["hotloop"]["median"] < 10 for row in figures(data, "first").values())


def test_seed_program_prints_the_interpreters_result(data):
    process = figures(data, "process")
    assert process["hotloop"]["result"] == process["cpython"]["result"]


def test_costs_have_figures(data):
    assert figures(data, "import")["hotloop"]["imports_numpy"] is False
    assert figures(data, "call")["ratio"]["median"] > 0
    assert len(figures(data, "nogain")) == 5
    assert figures(data, "callheavy")["ratio"]["median"] > 0
    for shape, row in figures(data, "ctrlc").items():
        assert 0 < row["hotloop"]["seconds"]["max"] < 5, shape
    assert min(figures(data, "threads")["iterations"]) > 0
    churn = figures(data, "churn")
    assert churn["codes"]["compiled"] == churn["codes"]["count"]
    assert churn["codes"]["alive"] == 0
    assert churn["recompiles"]["recompiles"] > 0


def test_the_table_is_made_from_the_data_alone(data, tmp_path):
    """--render prints the same table; a section that is not in the data is not in it."""
    raw = {key: value for key, value in data.items() if key != "printed"}
    source = tmp_path / "raw.json"
    source.write_text(json.dumps(raw))

    def render():
        command = [sys.executable, os.path.join(BENCH, "run.py"), "--render", str(source)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert render() == data["printed"]
    assert "## Memory comes back" in data["printed"]
    del raw["sections"]["churn"]
    source.write_text(json.dumps(raw))
    assert "## Memory comes back" not in render()


def test_the_chart_is_drawn_from_the_data(data, tmp_path):
    pytest.importorskip("matplotlib")
    source, chart = tmp_path / "raw.json", tmp_path / "chart.png"
    source.write_text(json.dumps({key: value for key, value in data.items() if key != "printed"}))
    subprocess.run([sys.executable, os.path.join(BENCH, "run.py"), "--render", str(source), "--plot",
                    str(chart)], capture_output=True, check=True)
    picture = chart.read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture[16:20], "big") == 1800


def test_other_data_than_ours_is_refused(tmp_path):
    source = tmp_path / "old.json"
    source.write_text('{"schema": 1, "sections": {}}')
    run = subprocess.run([sys.executable, os.path.join(BENCH, "run.py"), "--render", str(source)],
                         capture_output=True, text=True)
    assert run.returncode == 1 and "schema 1" in run.stderr


def worker(mode, **spec):
    command = [sys.executable, os.path.join(BENCH, "worker.py"), mode, json.dumps(spec)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("kernel, peer, kind, bits", [
    ("collatz", "cpython", "int", ["int:1"]),
    ("moving_average", "c", "list[float]", ["list:d:0"]),
    ("exponential_smoothing", "hotloop", "NoneType, list[float]", ["none", "list:d:0"]),
])
def test_a_wrong_result_is_an_error(kernel, peer, kind, bits):
    answer = worker("warm", kernel=kernel, peer=peer, size=100, before=0, calls=1,
                    expected={"type": kind, "bits": bits})
    if peer == "c" and "missing" in answer:
        pytest.skip(answer["missing"])
    assert "wrong result" in answer["error"]


def test_a_wrong_type_is_an_error_of_hotloops():
    right = worker("expect", kernel="moving_average", peer="cpython", size=100)["expected"]
    assert right["type"] == "list[float]"
    for kind, failed in (("list[float]", False), ("list[float64]", True)):
        answer = worker("warm", kernel="moving_average", peer="hotloop", size=100, before=0, calls=1,
                        expected={**right, "type": kind})
        assert ("error" in answer) is failed


def test_a_peer_that_refuses_a_kernel_says_why():
    errors = pytest.importorskip("numba.core.errors")
    assert peers.refusal("numba", errors.TypingError("no\n\nway")) == "TypingError: no way"
    assert peers.refusal("numba", ValueError("no")) is None
    assert peers.refusal("hotloop", errors.TypingError("no")) is None
