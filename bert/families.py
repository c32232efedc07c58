"""The families of encoders, a row each: how their configs and weights are named, what
special tokens they have, and in what their forward pass differs from BERT's.

Names of weights are written with slashes; # stands for the number of a layer.
"""

import dataclasses
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """The tokens that stand for no text."""

    first: str = "[CLS]"
    separator: str = "[SEP]"
    mask: str = "[MASK]"
    unknown: str = "[UNK]"
    padding: str = "[PAD]"


class SentencePieces(NamedTuple):
    """What surrounds the pieces of a SentencePiece model in a vocabulary."""

    before: tuple[str, ...] = ()
    left_out: int = 0  # pieces at the beginning of the model
    after: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of encoder, by what tells it from BERT."""

    # of the encoder, in the names of weights: "bert" in "bert.embeddings..."
    base: str = "bert"
    # names of keys of config.json where they are not BERT's
    keys: dict = dataclasses.field(default_factory=dict)
    # what a key is where config.json has none, if transformers has another than BERT's
    defaults: dict = dataclasses.field(default_factory=dict)
    # keys of config.json that would change the maps, and the values that are honoured
    only: dict = dataclasses.field(default_factory=dict)
    # names of weights, or how they begin, and BERT's; the first that fits counts
    names: dict = dataclasses.field(default_factory=dict)
    # weights stored as one, by their names and those of their parts
    joined: dict = dataclasses.field(default_factory=dict)
    special_tokens: SpecialTokens = SpecialTokens()
    sentence_pieces: SentencePieces | None = None
    albert_quotes: bool = False  # its normalizer makes quotes ", strips accents, lowers
    two_separators: bool = False  # between the parts of a pair
    offset_positions: bool = False  # they start after the number of the padding token
    segments: bool = True  # embeddings of them; of positions
    positions: bool = True
    relative_positions: bool = False  # biases of scores by distance, of all layers
    projected: bool = False  # embeddings are, even where they have the hidden size
    head_act: str | None = None  # of the masked-LM head; by default hidden_act
    layers: str = "bert.layers"  # the module that has its layers
    biases: bool = True  # of dense layers and of normalisation
    pre_norm: bool = False  # they normalise before each part


LAYER = "encoder/layer/#"  # of BERT
HEAD = "cls/predictions"
ROBERTA_HEAD = {
    "lm_head/dense": f"{HEAD}/transform/dense",
    "lm_head/layer_norm": f"{HEAD}/transform/LayerNorm",
    "lm_head/decoder": f"{HEAD}/decoder",
    "lm_head/bias": f"{HEAD}/bias",
}
ROBERTA = Family(
    base="roberta",
    defaults={"pad_token_id": 1},
    names=ROBERTA_HEAD,
    special_tokens=SpecialTokens("<s>", "</s>", "<mask>", "<unk>", "<pad>"),
    two_separators=True,
    offset_positions=True,
    head_act="gelu",
)
DISTIL_LAYER = "transformer/layer/#"
ALBERT_LAYER = "encoder/albert_layer_groups/#/albert_layers/0"
MPNET_LAYER = "encoder/layer/#/attention"

FAMILIES = {
    "bert": Family(),
    "roberta": ROBERTA,
    "xlm-roberta": dataclasses.replace(
        ROBERTA,
        sentence_pieces=SentencePieces(
            ("<s>", "<pad>", "</s>", "<unk>"), 3, ("<mask>",)
        ),
    ),
    "camembert": dataclasses.replace(
        ROBERTA,
        sentence_pieces=SentencePieces(
            ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"),
            1,
            ("<mask>",),
        ),
    ),
    "distilbert": Family(
        base="distilbert",
        keys={
            "hidden_size": "dim",
            "num_hidden_layers": "n_layers",
            "num_attention_heads": "n_heads",
            "intermediate_size": "hidden_dim",
            "hidden_act": "activation",
        },
        names={
            f"{DISTIL_LAYER}/attention/q_lin": f"{LAYER}/attention/self/query",
            f"{DISTIL_LAYER}/attention/k_lin": f"{LAYER}/attention/self/key",
            f"{DISTIL_LAYER}/attention/v_lin": f"{LAYER}/attention/self/value",
            f"{DISTIL_LAYER}/attention/out_lin": f"{LAYER}/attention/output/dense",
            f"{DISTIL_LAYER}/sa_layer_norm": f"{LAYER}/attention/output/LayerNorm",
            f"{DISTIL_LAYER}/ffn/lin1": f"{LAYER}/intermediate/dense",
            f"{DISTIL_LAYER}/ffn/lin2": f"{LAYER}/output/dense",
            f"{DISTIL_LAYER}/output_layer_norm": f"{LAYER}/output/LayerNorm",
            "vocab_transform": f"{HEAD}/transform/dense",
            "vocab_layer_norm": f"{HEAD}/transform/LayerNorm",
            "vocab_projector/weight": f"{HEAD}/decoder/weight",
            "vocab_projector/bias": f"{HEAD}/bias",
        },
        only={"layer_norm_eps": (1e-12,)},  # transformers takes no other
        segments=False,
    ),
    "electra": Family(
        base="electra",
        defaults={"embedding_size": 128},
        names={
            "embeddings_project": "embeddings/projection",
            "generator_predictions/dense": f"{HEAD}/transform/dense",
            "generator_predictions/LayerNorm": f"{HEAD}/transform/LayerNorm",
            "generator_lm_head/weight": f"{HEAD}/decoder/weight",
            "generator_lm_head/bias": f"{HEAD}/bias",
        },
        head_act="gelu",
    ),
    "albert": Family(
        base="albert",
        defaults={
            "embedding_size": 128,
            "num_hidden_groups": 1,
            "hidden_act": "gelu_new",
        },
        only={"inner_group_num": (1,)},
        names={
            "encoder/embedding_hidden_mapping_in": "embeddings/projection",
            f"{ALBERT_LAYER}/attention/query": f"{LAYER}/attention/self/query",
            f"{ALBERT_LAYER}/attention/key": f"{LAYER}/attention/self/key",
            f"{ALBERT_LAYER}/attention/value": f"{LAYER}/attention/self/value",
            f"{ALBERT_LAYER}/attention": f"{LAYER}/attention/output",
            f"{ALBERT_LAYER}/ffn": f"{LAYER}/intermediate/dense",
            f"{ALBERT_LAYER}/ffn_output": f"{LAYER}/output/dense",
            f"{ALBERT_LAYER}/full_layer_layer_norm": f"{LAYER}/output/LayerNorm",
            "predictions/dense": f"{HEAD}/transform/dense",
            "predictions/LayerNorm": f"{HEAD}/transform/LayerNorm",
            "predictions": HEAD,
        },
        special_tokens=SpecialTokens(unknown="<unk>", padding="<pad>"),
        sentence_pieces=SentencePieces(),
        albert_quotes=True,
        projected=True,
    ),
    "mpnet": Family(
        base="mpnet",
        defaults={"pad_token_id": 1},
        only={"pad_token_id": (1,)},  # transformers takes no other either
        names={
            "encoder/relative_attention_bias/weight": (
                "embeddings/relative_attention_bias"
            ),
            f"{MPNET_LAYER}/attn/q": f"{LAYER}/attention/self/query",
            f"{MPNET_LAYER}/attn/k": f"{LAYER}/attention/self/key",
            f"{MPNET_LAYER}/attn/v": f"{LAYER}/attention/self/value",
            f"{MPNET_LAYER}/attn/o": f"{LAYER}/attention/output/dense",
            f"{MPNET_LAYER}/LayerNorm": f"{LAYER}/attention/output/LayerNorm",
            **ROBERTA_HEAD,
        },
        special_tokens=SpecialTokens("<s>", "</s>", "<mask>", "[UNK]", "<pad>"),
        two_separators=True,
        offset_positions=True,
        segments=False,
        relative_positions=True,
        head_act="gelu",
    ),
    "modernbert": Family(
        base="model",
        keys={
            "hidden_act": "hidden_activation",
            "layer_norm_eps": "norm_eps",
            "head_act": "classifier_activation",
        },
        defaults={"layer_norm_eps": 1e-5, "head_act": "gelu"},
        only=dict.fromkeys(
            ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"), (False,)
        )
        | {"decoder_bias": (True,)},
        names={
            "embeddings/tok_embeddings": "embeddings/word_embeddings",
            "embeddings/norm": "embeddings/LayerNorm",
            "layers/#/attn_norm": f"{LAYER}/attention/self/LayerNorm",
            "layers/#/attn/Wqkv": f"{LAYER}/attention/self/Wqkv",
            "layers/#/attn/Wo": f"{LAYER}/attention/output/dense",
            "layers/#/mlp_norm": f"{LAYER}/intermediate/LayerNorm",
            "layers/#/mlp/Wi": f"{LAYER}/intermediate/Wi",
            "layers/#/mlp/Wo": f"{LAYER}/output/dense",
            "final_norm": f"{HEAD}/final/LayerNorm",
            "head/dense": f"{HEAD}/transform/dense",
            "head/norm": f"{HEAD}/transform/LayerNorm",
            "decoder/weight": f"{HEAD}/decoder/weight",
            "decoder/bias": f"{HEAD}/bias",
        },
        joined={"Wqkv": ("query", "key", "value"), "Wi": ("dense", "gate")},
        segments=False,
        positions=False,
        layers="bert.modernbert",
        biases=False,
        pre_norm=True,
    ),
}
