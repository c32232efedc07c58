"""Start Keras, and with it TensorFlow, when it is first needed and without noise."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def start_keras() -> None:
    """Import Keras, with settings that only count before its backend is imported.

    The backend is TensorFlow unless `KERAS_BACKEND` says otherwise, with the kernels of
    oneDNN, which it leaves off on processors without AVX-512. GPU memory is taken as it
    is needed, not all at once. Whoever sets one of these variables is obeyed.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX
    if "keras" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import keras
    else:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        with _no_native_messages():
            import keras

            # the first operation looks for devices, and says so
            keras.ops.cast(keras.ops.zeros(1), "float16")
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]  # not for the processes we start


@contextlib.contextmanager
def _no_native_messages() -> Iterator[None]:
    """Silence what native code writes to standard error by itself.

    Before its log is set up, TensorFlow's C++ writes greetings straight to the file
    descriptor, whatever TF_CPP_MIN_LOG_LEVEL says. Python's errors still come through
    as exceptions.
    """
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def idle_gpu_advice(device: str) -> str | None:
    """What to say where the device is the CPU but the machine has an NVIDIA GPU."""
    if device != "CPU" or not any(Path("/dev").glob("nvidia[0-9]*")):
        return None
    return (
        'warning: this machine has a GPU, which is not used; pip install "tensorflow'
        '[and-cuda]", or pip install "jax[cuda13]" and KERAS_BACKEND=jax'
    )


def device_memory() -> int:
    """How many bytes of memory the GPU in use has for Keras's backend.

    Call after `start_keras`, where `device_name` is of a GPU.
    """
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].memory_stats()["bytes_limit"]
    from tensorflow.python.client import device_lib

    devices = device_lib.list_local_devices()
    return next(d.memory_limit for d in devices if d.device_type == "GPU")


def device_name() -> str:
    """The device that Keras's backend computes on, such as "CPU" or "GPU: NVIDIA H100".

    Call after `start_keras`.
    """
    import keras

    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        kind, name = device.platform.upper(), device.device_kind
    else:
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
        kind, name = ("GPU", details.get("device_name", "")) if gpus else ("CPU", "")
    return kind if kind == "CPU" else f"{kind}: {name}"
