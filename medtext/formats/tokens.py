"""Tokens for programs that mark nothing else: words, numbers and signs, cut where a span begins or ends.

So every span is a run of whole tokens, and none is widened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from medtext.span import Span

_TOKEN = re.compile(r"\s+|[^\W_]+|[^\w\s]|_")


def tokenize(text: str, spans: Iterable[Span] = (), *, layout: bool = False) -> list[tuple[int, int]]:
    """The places of the tokens, in order.

    Blanks are tokens only at the edges of a span and, with `layout`, wherever they are more than one blank.
    """
    fragments = [fragment for span in spans for fragment in span.at]
    starts, ends = {start for start, _ in fragments}, {end for _, end in fragments}
    tokens = []
    for start, end in pairwise(sorted({0, len(text), *starts, *ends})):
        for token in _TOKEN.finditer(text, start, end):
            first, last = token.span()
            blank = text[first].isspace() and first not in starts and last not in ends
            if not blank or (layout and token[0] != " "):
                tokens.append((first, last))
    return tokens
