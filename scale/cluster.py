"""Shards shared out over a Ray cluster: a process for each encoder.

Workers get examples and give back states; files are read and written by this process
alone, so the machines of a cluster need the folder of the model and no other disk in
common.
"""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from scale.corpus import Shard
from scale.worker import Worker
from toolkit import cli
from toolkit.files import InputError

try:
    import ray
except ImportError:
    raise InputError(
        "--ray needs Ray: pip install -r requirements-cluster.txt"
    ) from None

TRIES = 3  # of a shard whose worker dies, and to begin a cluster
ROOT = Path(__file__).parent.parent


def compute_on_ray(
    args: argparse.Namespace, shards: Iterable[Shard], advance: Callable[[float], Any]
) -> Iterator[tuple[Shard, dict | InputError]]:
    """Each shard and its result, or why it failed, as they are finished.

    As many shards are in memory as there are workers. A worker whose process or machine
    dies is replaced, and its shard tried again; what dies TRIES times has failed.
    `advance` is told how many bytes of the corpus are done. Raises InputError where the
    cluster cannot be reached or is too small.
    """
    with _connected(args.ray):
        new_worker, most = _worker_factory(args)
        shards = iter(shards)
        tries: dict[int, int] = {}
        idle: list[Any] = []
        running: dict[Any, tuple[Any, Shard]] = {}  # by what will be their result

        def begin(shard: Shard) -> None:
            worker = idle.pop() if idle else new_worker()
            running[worker.run.remote(shard)] = worker, shard

        while True:
            while len(running) < most and (shard := next(shards, None)):
                begin(shard)
            if not running:
                return
            (done,), _ = ray.wait(list(running), num_returns=1)
            worker, shard = running.pop(done)
            try:
                result = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                result = _reason(error)
                idle.append(worker)
            except ray.exceptions.RayError as error:  # process or machine died
                ray.kill(worker)
                tries[shard.number] = tries.get(shard.number, 0) + 1
                if tries[shard.number] < TRIES:
                    begin(shard)
                    continue
                result = InputError(
                    f"its worker died {TRIES} times, for the last time as "
                    f"{_first_line(error)}"
                )
            else:
                idle.append(worker)
            advance(shard.size)
            yield shard, result


@contextlib.contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connected to the cluster at an address, or one on this machine for "local"."""
    threads = str(cli.threads())
    options = {
        "include_dashboard": False if address == "local" else None,
        "log_to_driver": False,
        "logging_level": "ERROR",
        "runtime_env": {
            "env_vars": {
                "PYTHONPATH": str(ROOT),
                # the last bits depend on how many there are
                "TF_NUM_INTRAOP_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow"),
            }
        },
    }
    for left in reversed(range(TRIES)):
        try:
            ray.init(address, **options)
            break
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            # one of our own has to be up in 30 s, which a busy machine may miss
            if address == "local" and left:
                continue
            where = "this machine" if address == "local" else address
            raise InputError(
                f"--ray: no cluster on {where} ({_first_line(error)}); is the machine "
                "too busy, or the address wrong? `ray start --head` begins a cluster"
            ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _worker_factory(args: argparse.Namespace) -> tuple[Callable[[], Any], int]:
    """What starts a worker, and how many there are to be at most."""
    has = ray.cluster_resources()
    gpus = args.gpus_per_worker
    if gpus is None:
        gpus = 1 if has.get("GPU") else 0
    needs = {"GPU": gpus, "CPU": 1} if gpus else {"CPU": cli.threads()}
    fit = int(min(has.get(kind, 0) // number for kind, number in needs.items()))
    most = args.workers or fit
    if not 1 <= most <= fit:
        raise InputError(
            f"{cli.plural(most or 1, 'worker')} of "
            f"{' and '.join(f'{n:g} {kind}' for kind, n in needs.items())} each: the "
            f"cluster has {has.get('CPU', 0):g} CPU and {has.get('GPU', 0):g} GPU; "
            "lower --workers or --gpus-per-worker, or the number of threads of each "
            "with TF_NUM_INTRAOP_THREADS"
        )
    actor = ray.remote(num_cpus=needs["CPU"], num_gpus=gpus)(Worker)
    return lambda: actor.remote(args), most


def _reason(error: "ray.exceptions.RayTaskError") -> InputError:
    """Why a worker could not take a shard, as it said itself."""
    if isinstance(error.cause, InputError):
        return InputError(str(error.cause))
    return InputError(f"{type(error.cause).__name__}: {_first_line(error.cause)}")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
