"""Weights of trained encoders: Google's checkpoints and Hugging Face's safetensors.

All are read into one form, Google's names for BERT, which are the paths of the Keras
variables. Loading is strict about the encoder: a missing, unknown or mis-shaped weight
is an error that names it. What stands beside the encoder (the heads of tasks) and the
groups in LEFT_OVER stay behind, unless the model asked for has them.
"""

import collections
import contextlib
import math
import re
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from bert.config import BertConfig, check_layers
from bert.families import Family
from bert.folder import weight_files
from bert.layers import ACTIVATIONS
from bert.modeling import BertModel, MaskedLanguageModel
from bert.norms import MODELS
from bert.weight_names import Weight, listed, name_weights
from toolkit.files import InputError, printable

SLOT = re.compile(r".*/(adam_[mv]|Adam(?:_1)?|lamb_[mv])")  # of an optimizer
# Weights of the encoder that no map depends on
LEFT_OVER = re.compile(
    r"bert/pooler/.*"
    r"|.*/(position_ids|token_type_ids|inv_freq)"  # constants
    rf"|{SLOT.pattern}"
)
# Hugging Face may store these once more; in a BERT, they are the same
TIED = {
    "cls/predictions/decoder/kernel": "bert/embeddings/word_embeddings",
    "cls/predictions/decoder/bias": "cls/predictions/output_bias",
}
RANDOM_INIT = ("none", "keep-embeddings", "all")
KEPT_EMBEDDINGS = re.compile(r"bert/embeddings/(word|position)_embeddings")


def load_model(
    folder: str | Path,
    *,
    layers: Sequence[int] | None = None,
    random_init: str = "none",
    seed: int = 0,
    tiny: bool = False,
    maps_dtype: str = "float32",
    precision: str = "float32",
    masked_lm: bool = False,
    quantity: str = "attention",
) -> BertModel:
    """A BertModel with the weights of `folder`, ready for `predict_on_batch`.

    `layers` (from 0) are those whose maps are given, by default all. `random_init`
    "keep-embeddings" keeps word and position embeddings and draws all other weights
    anew (the control of Section 5), "all" draws every weight and needs no weight file;
    so does `tiny`, which shrinks the model to three small layers. `precision` is a
    Keras dtype policy. `masked_lm` asks for a MaskedLanguageModel, which has all layers
    and the head that predicts masked tokens, and gives no maps. `quantity` is what the
    maps are of: "attention", or a key of norms.MODELS. Raises InputError for a folder
    that does not hold this BERT, and for arguments that would have no effect.
    """
    if random_init not in RANDOM_INIT:
        raise InputError(
            f"random_init is {random_init!r}, expected one of {', '.join(RANDOM_INIT)}"
        )
    if masked_lm and (layers is not None or maps_dtype != "float32"):
        raise InputError("masked_lm has all layers and no maps: no layers, maps_dtype")
    if quantity not in {"attention", *MODELS} or (
        masked_lm and quantity != "attention"
    ):
        raise InputError(
            f"quantity is {quantity!r}, expected attention, or without masked_lm "
            f"{', '.join(MODELS)}"
        )
    if tiny and random_init == "keep-embeddings":
        raise InputError("tiny draws all weights: random_init='keep-embeddings' cannot")
    config = BertConfig.from_folder(folder)
    if tiny:
        config, random_init = config.tiny(), "all"
    check_layers(config, layers, folder)
    for key in ("hidden_act", "head_act"):
        name = getattr(config, key)
        if name is not None and name not in ACTIVATIONS:
            raise InputError(
                f"{folder}: {key} is {printable(repr(name))}, expected one of "
                f"{', '.join(ACTIVATIONS)}"
            )
    weights = None
    if random_init != "all":
        weights = _read_weights(Path(folder), config.family)
    if weights is not None:
        _check_sizes(config, weights, folder)
    with _dtype_policy(precision):
        if masked_lm:
            model = MaskedLanguageModel(config)
        else:
            kind = MODELS.get(quantity, BertModel)
            model = kind(config, layers, maps_dtype)
    model.build()
    model.folder, model.trained = Path(folder), random_init == "none"
    model.left_over = {}
    if weights is not None:
        _load(model, weights, folder)
    if random_init != "none":
        _draw(model, seed, keep_embeddings=random_init == "keep-embeddings")
    return model


def read_weight(folder: str | Path, name: str) -> np.ndarray:
    """One weight of a folder, by our name; InputError where it is not there."""
    weights = _read_weights(Path(folder), BertConfig.from_folder(folder).family)
    if name not in weights:
        raise InputError(f"{folder}: the weights lack {name}")
    return _values(weights, name, folder)


def _read_weights(folder: Path, family: Family) -> dict[str, Weight]:
    """The weights of a folder under our names."""
    files = weight_files(folder)
    try:
        if files[0].suffix == ".index":
            stored = _read_google(files[0].with_suffix(""))
        else:
            stored = _read_safetensors(files)
    except InputError:
        raise
    except Exception as error:  # each library has errors of its own for broken files
        message = printable(str(error).partition("\n")[0], 200)
        raise InputError(f"{files[0]}: cannot be read ({message})") from None
    return name_weights(stored, family, files[0])


def _read_google(prefix: Path) -> dict[str, Weight]:
    try:
        import tensorflow as tf
    except ImportError:
        raise InputError(
            f"{prefix}: Google's checkpoints are read by TensorFlow, which is not "
            "installed"
        ) from None
    if set("[*?\\") & set(str(prefix)):  # TensorFlow takes the name for a pattern
        with tempfile.TemporaryDirectory() as plain:
            link = Path(plain, "bert")
            link.symlink_to(prefix.parent.resolve(), target_is_directory=True)
            reader = tf.train.load_checkpoint(str(link / prefix.name))
            values = {
                n: reader.get_tensor(n) for n in reader.get_variable_to_dtype_map()
            }
        return {k: Weight(v.shape, lambda v=v: v) for k, v in values.items()}
    reader = tf.train.load_checkpoint(str(prefix))
    return {
        name: Weight(tuple(shape), lambda name=name: reader.get_tensor(name))
        for name, shape in reader.get_variable_to_shape_map().items()
    }


def _read_safetensors(files: Sequence[Path]) -> dict[str, Weight]:
    from safetensors import safe_open

    weights = {}
    for path in files:
        file = safe_open(path, framework="numpy")
        for key in file.keys():  # noqa: SIM118 - not a dict
            shape = tuple(file.get_slice(key).get_shape())
            weights[key.replace(".", "/")] = Weight(
                shape, lambda file=file, key=key: file.get_tensor(key)
            )
    return weights


def _load(model: BertModel, weights: dict[str, Weight], source: str | Path) -> None:
    variables = {v.path: v for v in model.variables}
    missing = sorted(variables.keys() - weights.keys())
    extra = sorted(weights.keys() - variables.keys())
    unknown = [
        name
        for name in extra
        if name.startswith("bert/") and not LEFT_OVER.fullmatch(name)
    ]
    misshapen = [
        f"{name} (expected {list(v.shape)}, found {list(weights[name].shape)})"
        for name, v in variables.items()
        if name in weights and weights[name].shape != tuple(v.shape)
    ]
    head = [name for name in missing if name.startswith("cls/")]
    if "cls/predictions/transform/dense/kernel" in head and missing == head:
        raise InputError(
            f"{source}: no masked-LM head, as in sentence encoders; an encoder as it "
            f"was pre-trained has one. missing: {', '.join(head)}"
        )
    wrong = {"missing": missing, "unknown": unknown, "of another shape": misshapen}
    if any(wrong.values()):
        found = "; ".join(f"{k}: {listed(v)}" for k, v in wrong.items() if v)
        raise InputError(f"{source}: the weights do not fit the config. {found}")
    has_head = any(name.startswith("cls/") for name in variables)
    for name, twin in TIED.items() if has_head else ():
        if name in weights and not np.array_equal(
            _values(weights, name, source).T, _values(weights, twin, source)
        ):
            what = twin.rpartition("/")[2].replace("_", " ")
            raise InputError(f"{source}: {name} is not the {what}, as it is in BERT")

    def assign(variable) -> None:
        variable.assign(_values(weights, variable.path, source))

    with ThreadPoolExecutor() as threads:
        collections.deque(threads.map(assign, model.variables), maxlen=0)
    model.left_over = dict(collections.Counter(map(_group, extra)))


def _group(name: str) -> str:
    """The group that a weight was left over with, such as "classifier/*"."""
    if slot := SLOT.fullmatch(name):
        return f"*/{slot[1]}"
    depth = 2 if name.startswith("bert/") else 1
    parts = name.split("/")
    return "/".join(parts[:depth]) + ("/*" if len(parts) > depth else "")


def _values(weights: dict[str, Weight], name: str, source: str | Path) -> np.ndarray:
    """A weight in float32; InputError where its file ends early, and for weights that
    are whole numbers (of quantized models), NaN or infinite."""
    try:
        values = np.asarray(weights[name].read())
    except Exception as error:  # each library has errors of its own
        raise InputError(
            f"{source}: cannot read {name} ({printable(str(error))})"
        ) from None
    if values.dtype.kind in "biuc" or values.dtype.itemsize < 2:
        raise InputError(
            f"{source}: {name} is of type {values.dtype}, expected floating-point "
            "numbers; quantized models are not read"
        )
    with np.errstate(over="ignore"):
        values = values.astype("float32", copy=False)
    if not np.isfinite(values).all():
        raise InputError(
            f"{source}: {name} holds NaN or infinite numbers; fetch the model again"
        )
    return values


def _check_sizes(
    config: BertConfig, weights: dict[str, Weight], source: str | Path
) -> None:
    """Before anything is built: a config far larger than the weights is not theirs."""
    stored = sum(math.prod(weight.shape) for weight in weights.values())
    if config.weights > 10 * stored + 10**8:
        raise InputError(
            f"{source}: the weights do not fit the config, which is of a model of "
            f"{config.weights:,} weights; found {stored:,}"
        )


def _draw(model: BertModel, seed: int, keep_embeddings: bool) -> None:
    """Weights as before training: kernels from a normal distribution cut at two
    deviations, biases zero, layer normalization without effect.

    Each variable has a stream of its own from its name, the same on any backend.
    """
    for variable in model.variables:
        name = variable.path
        if keep_embeddings and KEPT_EMBEDDINGS.fullmatch(name):
            continue
        if name.endswith(("bias", "/beta")):
            values = np.zeros(variable.shape)
        elif name.endswith("/gamma"):
            values = np.ones(variable.shape)
        else:
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            values = rng.standard_normal(variable.shape, dtype="float32")
            while (far := np.abs(values) > 2).any():
                values[far] = rng.standard_normal(far.sum(), dtype="float32")
            values *= model.config.initializer_range
        variable.assign(values)


@contextlib.contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
