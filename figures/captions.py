"""Captions that explain figures and tables, with what depends on model and data."""

from collections.abc import Collection, Sequence

import numpy as np

from analysis.coreference import CoreferenceScores
from analysis.distances import Embedding
from analysis.general import (
    GeneralStatistics,
    GradientStatistics,
    broad_threshold,
    name_special,
)
from analysis.roles import HeadRoles
from analysis.syntax import SyntaxScores
from attention.record import Maps
from attention.source import Source
from figures.lines import FAINT, percent
from figures.views import view_head

POOR = 0.2  # Stress-1 above which a picture is poor (Kruskal 1964)
LAYERS = "A point is a head, a line goes through the means of layers."
LINES = (
    "A line from a word on the left to one on the right is the more opaque the more "
    "attention flows along it."
)
RENORMALISED = (
    "Attention is renormalised over what is shown; how much of it that is stands below "
    f"where it is not all. Rows that keep less than {FAINT:.0%} are faded in "
    "proportion."
)
INTERVALS = (
    'Between "low" and "high" lies the accuracy with 95 % confidence (bootstrap over '
    'blocks of sentences); "held out" is the accuracy of heads chosen on one half of '
    'the blocks and scored on the other, the mean of 20 random halves, and "±" its '
    "deviation."
)


def figure_1(maps: Maps, heads: Sequence[tuple[str, str]], last: int = 15) -> str:
    """Of `plot_typical_heads`."""
    kept = np.concatenate([view_head(maps, head, last=last).kept for head, _ in heads])
    return (
        f"{len(heads)} heads of different behaviour on the last "
        f"{len(kept) // len(heads)} tokens of one example. "
        f"{LINES.replace('word', 'token')} {RENORMALISED} Rows shown here keep "
        f"{percent(kept.min())} to {percent(kept.max())} of their attention; "
        f"{(kept < FAINT).sum()} of {len(kept)} are faded."
    )


def figure_2(statistics: GeneralStatistics) -> str:
    """Of `plot_average_attention`."""
    return name_special(
        "Average attention to {first}, to {separator}, and to full stops and commas; "
        "to {separator} from {separator} itself and from other tokens; to the "
        "previous, the next and the current token. ",
        statistics.source,
    ) + _by_layer(statistics)


def figure_3(statistics: GradientStatistics) -> str:
    """Of `plot_gradients`."""
    return name_special(
        "Mean absolute gradient of the loss of masked tokens by attention to "
        "{separator}, to full stops and commas, and to other tokens: how much changing "
        "that attention would change the predictions. ",
        statistics.source,
    ) + _by_layer(statistics)


def figure_4(statistics: GeneralStatistics) -> str:
    """Of `plot_entropies`."""
    return name_special(
        "Entropy of attention, the mean over all tokens, and from {first} alone. The "
        "dashed line is the entropy of attention spread evenly over all tokens, "
        f"{statistics.uniform_entropy:.2f} nats. ",
        statistics.source,
    ) + _by_layer(statistics)


def entropy_heat_map(statistics: GeneralStatistics) -> str:
    """Of `plot_heat_map` of entropies."""
    return (
        "Entropy of each head's attention in nats, the mean over all tokens of "
        f"{statistics.documents:,} examples. Attention spread evenly has "
        f"{statistics.uniform_entropy:.2f} nats."
    )


def _by_layer(statistics: GeneralStatistics | GradientStatistics) -> str:
    return f"{LAYERS} Means over {statistics.documents:,} examples."


def figure_6(
    statistics: GeneralStatistics, embedding: Embedding, functions: Collection[str]
) -> str:
    """Of `plot_heads`."""
    broad = broad_threshold(statistics)
    part = broad / statistics.uniform_entropy
    crosses = (
        "Crosses are heads of known function: those that, held out, find a relation "
        "clearly more often than any fixed offset, and the best one for coreference."
        if functions
        else "No head has a known function: there are no saved scores of this model "
        "that say so."
    )
    poor = (
        "which is poor: distances in the picture are only roughly those between heads"
        if embedding.stress > POOR
        else "where 0 is perfect and above 0.2 is poor"
    )
    return name_special(
        "Attention heads in two dimensions, by multidimensional scaling of the "
        "Jensen-Shannon distances between them: heads that lie near each other attend "
        "alike. One panel shows behaviour: over 50 % of attention to the next or the "
        "previous token; over 60 % to {first}, to {separator}, or to full stops and "
        f"commas; broad, with an entropy above {broad:.2f} nats ({part:.0%} of that of "
        f"uniform attention). {crosses} The other shows layers. Stress-1 is "
        f"{embedding.stress:.2f}, {poor}.",
        statistics.source,
    )


def dendrogram() -> str:
    """Of `plot_dendrogram`."""
    return (
        "Attention heads, named <layer>-<head> in the colour of their layer, joined by "
        "the average Jensen-Shannon divergence of their attention: the farther left "
        "two branches meet, the less alike they are."
    )


def relation_counts(scores: SyntaxScores) -> str:
    """Of `plot_counts`."""
    return (
        f"How many of {scores.counts.total():,} words in {scores.sentences:,} "
        "sentences have each dependency relation to their syntactic head."
    )


def table_1(minimum: int) -> str:
    """Of `analysis.table_1.table_1`."""
    return (
        "For each dependency relation of at least "
        f"{minimum} words, the attention head that most often attends most from a word "
        "to its syntactic head, or from head to dependent, with its accuracy in per "
        "cent, beside the best fixed offset (+1: the next word is taken for the "
        "syntactic head). Attention to special tokens and of words to themselves is "
        f"ignored. {INTERVALS}"
    )


def relation_heat_maps(minimum: int) -> str:
    """Of the heat maps of relations."""
    return (
        "Accuracy of every head in per cent, in the better of its two directions, for "
        "the relations whose best head is, chosen and scored on different halves of "
        "the sentences, farthest ahead of the best fixed offset; relations of "
        f"{minimum} words or more. All maps have one scale."
    )


def figure_5(source: Source) -> str:
    """Of `relation_pages`."""
    return name_special(
        "The best heads of these relations on sentences where they make no mistake. "
        f"{LINES} Red are the words from which the head attends along the relation, "
        "with their lines, and the words that it should find, framed on the right. "
        "Attention to {first}, to {separator} and of words to themselves is drawn but "
        "ignored where a head's choice is counted; {first} and {separator} are left "
        f"out where they get most of the attention from the red words. {RENORMALISED}",
        source,
    )


def table_3() -> str:
    """Of `analysis.table_3.table_3`."""
    return (
        "How much of each sentence's dependency tree probing classifiers read off "
        "attention maps: unlabelled attachment scores in per cent, without punctuation "
        'if nothing else is said; "±" is the deviation over seeds. Distances have no '
        "attention; random-init attention is that of layers drawn at random; "
        "right-branching takes each word to depend on the next. Misaligned are words "
        "as in the original's code, off by one against attention."
    )


def probe_weights() -> str:
    """Of `plot_probe_weights`."""
    return (
        "What the probe of attention alone makes of each head: weights above zero "
        "speak for a dependency between the two words, weights below zero against it."
    )


def learning_curve(epochs: int) -> str:
    """Of `plot_learning_curves`."""
    passes = "one pass" if epochs == 1 else f"{epochs} passes"
    return (
        "Unlabelled attachment score of probes on dev, without punctuation, by the "
        f"number of sentences that they were trained on: {passes} over so many "
        "sentences drawn at random."
    )


def table_2(scores: CoreferenceScores) -> str:
    """Of `analysis.table_2.table_2`."""
    return (
        "How often an antecedent is found for mentions that have one in the same "
        "stretch of text, in per cent, for all mentions and by type. A head finds one "
        "if the head word of a mention attends most to the head word of an antecedent, "
        "among the head words of the mentions before or among all other words; the "
        "heads shown are those with most right. Intervals (95 %) are bootstrapped over "
        'blocks of documents; "held out" is the accuracy of heads chosen on other '
        'documents, and "±" its deviation over random halves. '
        f"{scores.mentions:,} mentions of {scores.documents:,} documents."
    )


def coreference_heat_map() -> str:
    """Of the heat maps of coreference."""
    return (
        "How often each head finds an antecedent, in per cent, in both readings of the "
        "question; both maps have one scale."
    )


def coreference_by_distance() -> str:
    """Of `plot_by_distance`."""
    return (
        "How often an antecedent is found, by the distance between the head words of "
        "mention and nearest antecedent, in words; below it, the number of mentions. "
        "Bars are 95 % intervals (bootstrap over blocks of documents), dashed lines "
        "baselines."
    )


def figure_5_coreference(source: Source) -> str:
    """Of `plot_links`."""
    return name_special(
        "The head that finds most antecedents among mentions. "
        f"{LINES} Red are a mention, with its lines, and its antecedent, framed on the "
        "right. {first}, {separator} and attention of words to themselves, which do "
        f"not count, are left out. {RENORMALISED}",
        source,
    )


def beyond_shares() -> str:
    """Of `plot_shares`."""
    return (
        "The share of all attention weights of a head, and of all norms of what it "
        f"carries, that falls to a kind of token. {LAYERS} Norms are sizes only: they "
        "do not say whether what is carried is used."
    )


def mixing_table() -> str:
    """Of `analysis.mixing.mixing_table`."""
    return (
        "Mixing ratio in per cent: what comes from other tokens, as a part of that and "
        "what a token brings itself. The mean over layers, and the layers with most "
        "and with least."
    )


def mixing() -> str:
    """Of `plot_mixing`."""
    return (
        "Mixing ratio of each layer: what comes from other tokens, as a part of that "
        "and what a token brings itself, the mean over tokens; by attention weights, "
        "by norms of what is carried, and with the residual connection and layer "
        "normalization. Feed-forward layers are left out."
    )


def beyond_rollout() -> str:
    """Of the maps of rollout and flow."""
    return (
        "From the last layer (rows) to the input (columns) in one sentence: attention "
        "of the last layer, the mean over heads; rollout, the product of all layers "
        "with the residual connection counted as half; the maximum flow through them. "
        "All maps have one scale."
    )


def beyond_sinks(roles: HeadRoles) -> str:
    """Of `plot_received`."""
    return (
        f"Mean attention that a token of each kind receives. {LAYERS} Above the dashed "
        f"line, at {roles.settings['sink']:.0%}, a token is a sink."
    )


def head_roles(general: GeneralStatistics) -> str:
    """Of `analysis.roles.role_table`."""
    return (
        "Heads with their behaviour by the paper's thresholds (broad: an entropy above "
        f"{broad_threshold(general):.2f} nats), their confidence (mean of the largest "
        "weight of a row, special tokens aside, in per cent), the offset at which 90 % "
        "of their maxima are, the relation that they find more often than the best "
        "offset by a tenth of that, and how many per cent of the tokens of each kind "
        "are sinks."
    )


def table_1_ensembles(minimum: int) -> str:
    """Of `analysis.ensembles.add_ensembles`."""
    return f"{table_1(minimum)} The last column is the mean of several heads, held out."


def beyond_trees(left_out: int) -> str:
    """Of the heat map of trees."""
    return (
        "How many edges of the syntactic tree the maximum spanning tree of each head's "
        "attention has, in per cent, undirected and the true root given. "
        f"{left_out} sentences that are no trees of one root are left out."
    )


def beyond_importance() -> str:
    """Of the heat map of importance."""
    return (
        "Importance of each head: the mean absolute derivative of the loss of masked "
        "tokens by a factor on its output, scaled to unit norm in each layer."
    )


def beyond_ablation() -> str:
    """Of `plot_ablation`."""
    return (
        "What the loss of masked tokens changes by when a head is taken out, over what "
        "its derivative foretells. A point is a head; on the dashed line, both agree."
    )
