"""How many tokens are run at once."""

from attention.source import Source

# On a CPU: so many that their vectors stay in its cache. On a GPU: enough to be busy.
CPU_TOKENS, GPU_TOKENS = 1024, 16_384
# The share of a GPU's memory that the maps of a batch may take. Those of two batches
# are there at a time, some of them in several copies, beside what computes them.
MAPS_SHARE = 1 / 16


def tokens_a_batch(batch_size: int | str, max_length: int, source: Source) -> int:
    """The tokens of `batch_size` examples of `max_length`; with "auto", those that the
    device in use is fastest with, as far as its memory allows.

    `source` says how many maps there are of each example.
    """
    if batch_size != "auto":
        return batch_size * max_length
    from toolkit.backend import device_memory, device_name

    if device_name() == "CPU":
        return CPU_TOKENS
    return gpu_tokens(device_memory(), max_length, source)


def gpu_tokens(memory: int, max_length: int, source: Source) -> int:
    """The tokens of a batch on a GPU with so many bytes of memory."""
    a_token = len(source.layers) * source.heads * max_length * 4  # bytes, in float32
    return min(GPU_TOKENS, int(memory * MAPS_SHARE / a_token))
