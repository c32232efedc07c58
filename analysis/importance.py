"""Which heads matter for predictions (Michel et al. 2019).

Shapes: L layers, H heads.
"""

import numpy as np

from analysis.general import DocumentAverages
from attention.quantities import GRADIENTS
from attention.record import Maps
from toolkit.files import InputError


class HeadImportance(DocumentAverages):
    """How much the loss would change with each head's output, averaged over examples.

    Takes in what attention_gradients.py writes. An example without masked tokens has no
    loss and does not count.
    """

    quantity = GRADIENTS

    def update(self, maps: Maps) -> None:
        """Take in one example; see `Statistic.update`."""
        self.accept(maps)
        if not maps.example["masked"]:
            return
        if "importance" not in maps.example:
            raise InputError(
                "no 'importance' of heads, which attention_gradients.py now writes: "
                "run it again"
            )
        self.count("documents", 1)
        signed = maps.example["importance"]
        self._average("absolute", np.abs(signed))
        self._average("signed", signed)

    @property
    def importance(self) -> np.ndarray:
        """I_h [L, H]: the mean of the absolute derivative of the loss by a factor on a
        head's output, in nats."""
        return self._mean("absolute")

    @property
    def scaled(self) -> np.ndarray:
        """The same [L, H], scaled to unit Euclidean norm within each layer."""
        lengths = np.linalg.norm(self.importance, axis=1, keepdims=True)
        return self.importance / np.where(lengths, lengths, 1)

    @property
    def signed(self) -> np.ndarray:
        """The mean of the derivative itself [L, H], in nats: to first order, what the
        loss falls by without the head."""
        return self._mean("signed")
