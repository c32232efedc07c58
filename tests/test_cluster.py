"""Shards on a real Ray cluster of this machine: the same bytes, whatever dies."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from corpus import run, start, treebank, write

OPEN = {"RAY_AUTH_MODE": "disabled"}  # a cluster of this test alone
CLUSTER = """
import ray
for left in (2, 1, 0):  # Ray has to be up in 30 s, which a busy machine may miss
    try:
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        break
    except Exception:
        ray.shutdown()
        if not left:
            raise
print(ray.get_runtime_context().gcs_address, flush=True)
input()
"""


@pytest.fixture(scope="module")
def cluster():
    """A cluster with two CPUs: the process that holds it, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env=os.environ | OPEN,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    address = process.stdout.readline().strip()
    assert address
    yield process, address
    process.communicate("\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def flags(bert_dir):
    return (
        "--bert-dir", bert_dir, "--word-level", "--max-sequence-length", 32,
        "--shard-size", 6, "--statistics", "general", "syntax",
    )  # fmt: skip


@pytest.fixture(scope="module")
def expected(folder, flags):
    """What one process gives."""
    data = write(folder / "dev.json", treebank(40))
    outfile = folder / "one.stats.pkl"
    status, *output = run(
        *flags, "--preprocessed-data-file", data, "--outfile", outfile
    )
    assert status == 0, output
    return outfile.read_bytes()


def busy_workers(process: subprocess.Popen) -> list[psutil.Process]:
    """Processes of a cluster that are in the midst of a shard."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "ray::Worker.run" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            pass
    return found


def test_a_worker_that_is_killed_changes_nothing(cluster, folder, flags, expected):
    process, address = cluster
    outfile = folder / "killed.stats.pkl"
    driver = start(
        *flags, "--preprocessed-data-file", folder / "dev.json",
        "--outfile", outfile, "--ray", address, "--workers", 2, **OPEN,
    )  # fmt: skip
    while not (busy := busy_workers(process)):
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.005)
    os.kill(busy[0].pid, signal.SIGKILL)
    output, errors = driver.communicate()
    assert driver.returncode == 0, errors
    assert "general, syntax of 40 examples in 7 shards" in output
    assert outfile.read_bytes() == expected


def test_a_poisoned_example_is_named_and_the_rest_is_kept(folder, flags, expected):
    examples = treebank(40)
    poisoned = [*examples]
    poisoned[20] = examples[20] | {"relns": []}
    data, outfile = folder / "poisoned.json", folder / "poisoned.stats.pkl"
    flags = (*flags, "--preprocessed-data-file", data, "--outfile", outfile)
    write(data, poisoned)
    status, _, errors = run(*flags, "--ray", "--workers", 2)
    assert status == 1
    assert errors.count("1 shard failed: shard 3: example 20:") == 1
    assert "Traceback" not in errors
    kept = sorted((folder / "poisoned.shards").glob("*.pkl"))
    assert [int(path.name[:6]) for path in kept] == [0, 1, 2, 4, 5, 6]
    write(data, examples)
    status, _, errors = run(*flags, "--resume")
    assert status == 0, errors
    assert outfile.read_bytes() == expected


def test_a_shard_whose_workers_all_die_is_named(cluster, folder, flags):
    process, address = cluster
    data, outfile = write(folder / "x.json", treebank(6)), folder / "x.stats.pkl"
    driver = start(
        *flags, "--preprocessed-data-file", data, "--outfile", outfile,
        "--ray", address, "--workers", 1, **OPEN,
    )  # fmt: skip
    killed = set()
    while driver.poll() is None:
        for worker in busy_workers(process):
            killed.add(worker.pid)
            worker.kill()
        time.sleep(0.005)
    _, errors = driver.communicate()
    assert driver.returncode == 1
    assert len(killed) == 3
    assert "shard 0: its worker died 3 times" in errors
    assert not outfile.exists()


def test_a_cluster_that_is_too_small(cluster, folder, flags):
    _, address = cluster
    data = write(folder / "x.json", treebank(6))
    flags = (*flags, "--preprocessed-data-file", data)
    flags += ("--outfile", folder / "y.stats.pkl")
    status, _, errors = run(*flags, "--ray", address, "--workers", 9, **OPEN)
    assert status == 1
    assert "9 workers of 1 CPU each: the cluster has 2 CPU and 0 GPU" in errors
