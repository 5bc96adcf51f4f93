"""From logits to spans: whole words, only label sequences that their scheme allows, exact places in the text.

A word takes its label from its first token. The likeliest sequence of a sentence is that of the likeliest labels where
these are legal; where they are not (I-DRUG behind O), Viterbi finds the likeliest legal one. No span crosses stretches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log
from typing import Any
from unicodedata import category

from medtext.inference.windows import Stretch

_NEVER = -1e9
_LEAST = 1e-4  # a score of 0 would say that the model claims nothing here
_EDGES = frozenset(".,;:!?\"'“”‘’`")
_JOINER, _PICTURES = "\u200d", "\u2300"
_PICTURE_KINDS = ("So", "Sk", "Mn", "Cf")
_SPACED_OUT = re.compile(r"(?<!\w)[^\W\d_](?:\.[^\W\d_])+\Z")  # single letters with stops between: p.o
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


@dataclass(frozen=True, slots=True)
class Found:
    """A labelled stretch `[start, end)` of a text, in code points, and how sure the model is of it.

    The score is the mean probability of its words, or what a medtext model's own calibration makes of that.
    """

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Odds:
    """What the score of a span becomes: its log-odds, `slope` times, and the offset of its label."""

    slope: float = 1.0
    offsets: Mapping[str, float] = field(default_factory=dict)

    def adjusted(self, score: float, label: str) -> float:
        """The score of a span with this label (the model's, without its position)."""
        if self.slope == 1 and not self.offsets:
            return score
        score = min(1 - _LEAST, max(_LEAST, score))
        return 1 / (1 + exp(-self.slope * log(score / (1 - score)) - self.offsets.get(label, 0.0)))


def split_label(name: str) -> tuple[str, str]:
    """Position and label: B-DRUG is ("B", "DRUG"), DRUG is ("", "DRUG"), O is ("", "")."""
    tag, hyphen, kind = name.partition("-")
    if hyphen and tag in ("B", "I", "L", "E", "U", "S"):
        return tag, kind
    return "", "" if name == "O" else name


class Decoder:
    """The labels of one head in the order of its logits (IOB2, BILOU, IOBES or plain), and what we call them.

    `ours` maps a label without its position to our label; those that it leaves out make no span. Logits are divided by
    `temperature`, and `odds` makes the score of a span a probability.
    """

    def __init__(
        self, labels: Sequence[str], *, ours: Mapping[str, str], temperature: float = 1.0, odds: Odds | None = None
    ) -> None:
        split = [split_label(label) for label in labels]
        self._begins = [tag in ("B", "U", "S") for tag, _ in split]
        self._ends = [tag in ("U", "S", "L", "E") for tag, _ in split]
        self._ours = [ours.get(kind, "") for _, kind in split]
        self._kinds = [kind for _, kind in split]
        self._temperature, self._odds = temperature, odds or Odds()
        self._after, self._first, self._last = _legal(split)
        self._inner, self._openers, self._reached = ~self._first, *_openers(self._after, self._first)

    def find(self, texts: Sequence[str], read: Sequence[Sequence[tuple[Stretch, Any]]]) -> list[list[Found]]:
        """The spans of each text, in order of place; `read` gives its stretches with their logits [tokens, labels]."""
        import numpy as np

        words = [_words(held) for held in read]
        rows = [np.empty((0, len(self._ours))), *(logits for one in words for logits in one.logits)]
        scores = _log_softmax(np.concatenate(rows) / self._temperature)
        best = self._best(scores, _borders(words))
        sure = np.exp(scores[np.arange(len(best)), best])
        found, at = [], 0
        for text, one in zip(texts, words, strict=True):
            held = slice(at, at + len(one.starts))
            found.append(list(self._spans(text, one, best[held].tolist(), sure[held].tolist())))
            at = held.stop
        return found

    def _best(self, scores: Any, borders: Any) -> Any:
        """The label of each word; `borders` are the numbers of the words with which a sentence begins, and the end."""
        import numpy as np

        best = scores.argmax(-1) if len(scores) else np.empty(0, np.int64)
        if not len(best):
            return best
        legal = np.ones(len(best), bool)
        legal[1:] = self._after[best[:-1], best[1:]]
        legal[borders[:-1]] = self._first[best[borders[:-1]]]
        legal[borders[1:] - 1] &= self._last[best[borders[1:] - 1]]
        wrong = np.unique(np.searchsorted(borders, np.flatnonzero(~legal), side="right") - 1)
        if len(wrong):
            spans = [(int(borders[one]), int(borders[one + 1])) for one in wrong]
            for (start, end), path in zip(spans, self._viterbi(scores, spans), strict=True):
                best[start:end] = path
        return best

    def _viterbi(self, scores: Any, spans: list[tuple[int, int]]) -> list[list[int]]:
        """The likeliest legal labels of some sentences, all at once, word by word; of equals the first in the order."""
        import numpy as np

        ranked = sorted(range(len(spans)), key=lambda one: spans[one][0] - spans[one][1])
        starts = np.array([spans[one][0] for one in ranked])
        lengths = np.array([spans[one][1] - spans[one][0] for one in ranked])
        path = scores[starts] + np.where(self._first, 0.0, _NEVER)
        back, last = [], path
        for at in range(1, lengths[0]):
            count = int(np.count_nonzero(lengths > at))  # of the sentences that go on, which stand first
            path, came = self._step(path[:count], scores[starts[:count] + at])
            back.append(came)
            last[:count] = path
        ends = (last + np.where(self._last, 0.0, _NEVER)).argmax(-1).tolist()
        paths = {one: _walk(back[: lengths[row] - 1], row, ends[row]) for row, one in enumerate(ranked)}
        return [paths[one] for one in range(len(spans))]

    def _step(self, path: Any, scores: Any) -> tuple[Any, Any]:
        """The likeliest way to each label of the next words, and which label it came from.

        I, L and E come from the open labels of their kind, of which there are two at most; all others from anywhere but
        an open label that must go on.
        """
        import numpy as np

        rows = np.arange(len(path))[:, None]
        free = np.where(self._last, path, _NEVER).argmax(-1)[:, None]
        one, two = self._openers
        came = np.where(path[:, one] >= path[:, two], one, two)
        came = np.where(self._inner, came, free)
        return np.where(self._reached, path[rows, came], _NEVER) + scores, came

    def _spans(self, text: str, words: _Words, best: list[int], sure: list[float]) -> Iterator[Found]:
        for first, behind in _runs(best, words.breaks, self._ours, self._begins, self._ends):
            start, end = trimmed(text, words.starts[first], words.ends[behind - 1])
            if start < end:
                score = self._odds.adjusted(sum(sure[first:behind]) / (behind - first), self._kinds[best[first]])
                # Four digits: what the last bits of a sum depend on stays out of the file.
                yield Found(start, end, self._ours[best[first]], round(min(1.0, max(_LEAST, score)), 4))


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a text: places, the logits of their first tokens, and which of them begin a sentence."""

    starts: list[int]
    ends: list[int]
    logits: list[Any]
    breaks: list[bool]


def _words(read: Sequence[tuple[Stretch, Any]]) -> _Words:
    starts, ends, breaks, rows = [], [], [], []
    for stretch, logits in read:
        own, fresh, picked = range(*stretch.own), not stretch.follows, []
        for at in own:
            start, end = stretch.offsets[at]
            if stretch.first[at] or not ends:
                picked.append(at)
                starts.append(start)
                ends.append(end)
                breaks.append(fresh)
                fresh = False
            else:  # also what a window begins with that belongs to the last word of the one before
                ends[-1] = max(ends[-1], end)
        rows.append(logits[picked])
    return _Words(starts, ends, rows, breaks)


def _borders(words: Iterable[_Words]) -> Any:
    """Numbers, over all texts, of the words with which a sentence begins, and of the end."""
    import numpy as np

    breaks = [fresh for one in words for fresh in one.breaks]
    return np.append(np.flatnonzero(np.array(breaks, bool)), len(breaks))


def _runs(
    best: list[int], breaks: list[bool], ours: list[str], begins: list[bool], ends: list[bool]
) -> Iterator[tuple[int, int]]:
    """First word and the one behind the last of each span."""
    marks = [at for at, label in enumerate(best) if ours[label]]
    cuts = [0]
    for number, (last, at) in enumerate(pairwise(marks), start=1):
        one, two = best[last], best[at]
        if at != last + 1 or breaks[at] or begins[two] or ends[one] or ours[one] != ours[two]:
            cuts.append(number)
    for first, behind in pairwise([*cuts, len(marks)]):
        if first < behind:
            yield marks[first], marks[behind - 1] + 1


def _legal(split: list[tuple[str, str]]) -> tuple[Any, Any, Any]:
    """Which label may stand behind which, first in a sentence, and last.

    I, L and E only behind an open B or I of their kind; where a kind has L or E, what B opens must end with one. A kind
    without B or U is plain: it may begin anywhere.
    """
    import numpy as np

    begun = {kind for tag, kind in split if tag in ("B", "U", "S")}
    closed = {kind for tag, kind in split if tag in ("L", "E")}
    inner = np.array([tag in ("I", "L", "E") and kind in begun for tag, kind in split])
    opens = np.array([tag in ("B", "I") for tag, _ in split])
    must = np.array([tag in ("B", "I") and kind in closed for tag, kind in split])
    same = np.array([[one == two for _, two in split] for _, one in split])
    goes_on = same & opens[:, None] & inner[None, :]
    return np.where(must[:, None], goes_on, goes_on | ~inner[None, :]), ~inner, ~must


def _openers(after: Any, first: Any) -> tuple[Any, Any]:
    """For each label the first and the last that it may stand behind, and whether there is any."""
    import numpy as np

    count = len(after)
    held = [np.flatnonzero(after[:, one]) if not first[one] else np.arange(count) for one in range(count)]
    some = np.array([len(one) > 0 for one in held])
    ends = np.array([(one[0], one[-1]) if len(one) else (0, 0) for one in held], np.int64)
    return (ends[:, 0], ends[:, 1]), some


def _walk(back: list[Any], row: int, label: int) -> list[int]:
    """The labels of a sentence, backwards from its last."""
    labels = [label]
    for came in reversed(back):
        labels.append(int(came[row, labels[-1]]))
    return labels[::-1]


def _log_softmax(logits: Any) -> Any:
    import numpy as np

    if not len(logits):
        return logits
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without blanks, stops, quotes, emoji and lone brackets at its edges.

    "p.o." has its last stop, whether that was said or not. `end` is not more than `start` when nothing else is in it.
    """
    while start < end:
        if _is_blank(text[start]) or text[start] in _EDGES or _lone(text, start, end, start):
            start += 1
        elif _is_blank(text[end - 1]) or _falls(text, start, end) or _lone(text, start, end, end - 1):
            end -= 1
        else:
            break
    if text[end : end + 1] == "." and _SPACED_OUT.search(text, start, end):
        end += 1
    return start, end


def _is_blank(sign: str) -> bool:
    """White space, or a part of an emoji, which may have several; not the degree sign, nor a letter's own marks."""
    return sign.isspace() or sign == _JOINER or (sign >= _PICTURES and category(sign) in _PICTURE_KINDS)


def _falls(text: str, start: int, end: int) -> bool:
    """Whether the sign at the end is punctuation that no abbreviation needs."""
    if text[end - 1] not in _EDGES:
        return False
    words = text[start : end - 1].split()
    return text[end - 1] != "." or not words or text[end - 2].isspace() or "." not in words[-1]


def _lone(text: str, start: int, end: int, at: int) -> bool:
    """Whether the sign there is a bracket whose partner is not in the span."""
    for opened, closed in _PAIRS:
        if text[at] == opened:
            return closed not in text[at + 1 : end]
        if text[at] == closed:
            return opened not in text[start:at]
    return False
