"""What is minimised: means over words and, where a text has a class, over texts.

For a word with the set A of possible tags and logits z:  loss = -log P(A) = log Σ_all exp z - log Σ_A exp z.
With one tag in A this is cross-entropy; with all of them it is 0 and so is its gradient. In between, its derivative by
a probability p_t is -1/P(A) for every t in A alike: it never says which of the possible tags is the right one, so a tag
that a corpus does not annotate is neither rewarded nor punished against O by that corpus.

For a word with a teacher's logits t, softened by T:  T² · KL(softmax(t/T) ‖ softmax(z/T))  (Hinton et al. 2015,
"Distilling the Knowledge in a Neural Network").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Mean:
    """A sum and of how many; the mean of none is 0."""

    total: Any = 0.0
    many: int = 0

    def add(self, total: Any, many: int) -> None:
        """The sum of so many more."""
        self.total, self.many = self.total + total, self.many + many

    @property
    def value(self) -> Any:
        """The mean."""
        return self.total / max(1, self.many)


def of_texts(logits: Any, targets: Any, whole: Any) -> tuple[Any, Any]:
    """The mean logits [texts, tags] of the tokens of each row that is a text with a class, and the row of its set.

    logits [rows, tokens, tags], targets [rows, tokens] with 0 where nothing is known, whole [rows] of bool.
    """
    told = (targets != 0) & whole[:, None]
    rows = told.any(-1).nonzero().squeeze(-1)
    share = told[rows].unsqueeze(-1).float()
    return (logits[rows].float() * share).sum(1) / share.sum(1), targets[rows].amax(-1)


def possible_loss(logits: Any, rows: Any, table: Any, *, smoothing: float = 0.0) -> Any:
    """The sum of -log P(A) over words: logits [words, tags], the row of each word's set, table [rows, tags] of bool.

    With smoothing e, that share of the loss is the mean of -log p over all tags, for words of which something is known.
    """
    scores = logits.float().log_softmax(-1)
    possible = table[rows]
    inside = scores.masked_fill(~possible, float("-inf"))
    loss = -inside.logsumexp(-1).sum()
    if smoothing:
        whole = possible.all(-1, keepdim=True)
        spread = -scores.mean(-1, keepdim=True).masked_fill(whole, 0.0).sum()
        loss = (1 - smoothing) * loss + smoothing * spread
    return loss


def distilled_loss(logits: Any, taught: Any, temperature: float) -> Any:
    """The sum of T² · KL(teacher ‖ student) over words; both [words, tags]."""
    wanted = (taught.float() / temperature).log_softmax(-1)
    given = (logits.float() / temperature).log_softmax(-1)
    return temperature**2 * (wanted.exp() * (wanted - given)).sum()
