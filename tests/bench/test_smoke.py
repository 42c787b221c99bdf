"""The benchmark's own test: a smoke run must end well, its data hold figures and no failures."""
import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "bench")
SECTIONS = {"warm", "first", "process", "hot", "memory", "import", "call", "nogain", "callheavy",
            "ctrlc", "threads", "churn"}
KERNELS = {"sum_of_squares", "float_sum", "int_sum_if", "collatz", "logistic_map", "saxpy", "sieve",
           "polynomial", "lcg_pi"}


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
        assert row["hotloop"]["native_share"] > 0.9, name
        assert row["hotloop"]["given_up"] == 0, name


def test_hot_and_first_call(data):
    for name, row in figures(data, "hot").items():
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


def test_a_wrong_result_is_an_error(tmp_path):
    spec = {"kernel": "collatz", "peer": "cpython", "size": 100, "before": 0, "calls": 1,
            "expected": {"type": "int", "bits": ["int:1"]}}
    command = [sys.executable, os.path.join(BENCH, "worker.py"), "warm", json.dumps(spec)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "wrong result" in json.loads(run.stdout)["error"]
