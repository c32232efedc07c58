"""Whether the model at hand is the paper's, so that its numbers may stand beside.

The paper's model is bert-base-uncased. It is known by the digest of its weights, never
by its size: any model may have 12 x 12 heads.
"""

from attention.source import Source

# SHA-256 of files of weights. Hugging Face's is that of `model.safetensors` in
# google-bert/bert-base-uncased (revision 86b5e09), as many public repositories that pin
# the file quote it; it was not checked against the file, which was not at hand. Nor was
# Google's uncased_L-12_H-768_A-12.zip, whose digest is not listed: pass
# `paper_model=True` for a folder that holds it.
BERT_BASE_UNCASED = {
    "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
}


def is_paper_model(source: Source, paper_model: bool | None = None) -> bool:
    """Whether maps are of the paper's model.

    `paper_model` is the word of someone who knows; None leaves it to the digest of the
    weights. Raises ValueError where weights drawn at random are called the paper's.
    """
    if paper_model and source.trained is False:
        raise ValueError(
            "paper_model is True, but the weights were drawn at random: these maps are "
            "not of the paper's model"
        )
    if paper_model is None:
        known = source.weights_sha256 in BERT_BASE_UNCASED
        return bool(source.trained) and known and not source.gates
    return paper_model
