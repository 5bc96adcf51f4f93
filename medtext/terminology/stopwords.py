"""Names of codes that are ordinary words in a note ("other", "fall"): found in text they would be nonsense."""

from __future__ import annotations

from importlib.resources import files

from medtext.config import read_yaml
from medtext.terminology.matcher import WORD, fold

EVERY = "every"


def stop_forms(system: str) -> frozenset[str]:
    """The forms of a code system that phrases does not mark: words folded, with one blank between.

    The plain list for all systems is part of each; of a system without a list of its own it is all there is. Compare
    with `folded_form`.
    """
    top = read_yaml(files("medtext.terminology.rules").joinpath("stopwords.yaml"))
    listed = [*top.get_typed(EVERY, list, []), *top.get_typed(system, list, [])]
    return frozenset(map(folded_form, listed))


def folded_form(form: str) -> str:
    """The words of a form, folded, with one blank between."""
    return " ".join(fold(word[1]) for word in WORD.finditer(form))
