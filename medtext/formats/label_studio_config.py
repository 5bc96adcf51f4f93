"""Label Studio's labeling configuration, from a taxonomy. Reference: https://labelstud.io/tags/"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from medtext.errors import ConfigError
from medtext.span import PRESENCE, SUBJECT, TEMPORALITY
from medtext.taxonomy import Label, Taxonomy

AXES = {"presence": PRESENCE, "temporality": TEMPORALITY, "subject": SUBJECT}
TEXT, CODES, COMMENT = "text", "codes", "comment"
FRAGMENT = "fragment"
SHOWN_LAYERS = ("entity", "phi")
_KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm"
# Without pre-wrap the page collapses blanks and newlines: tables fall apart and hand-drawn spans lose their text.
_STYLE = ".htx-text, .htx-richtext, .lsf-htx-richtext { white-space: pre-wrap; }"
# The handles that move the edges of a region are <area> elements, which browsers have come to hide, as HTML says.
_HANDLES = ".htx-highlight area { display: inline; }"


def labeling_config(
    taxonomy: Taxonomy | str | Path, *, layers: Iterable[str] = SHOWN_LAYERS, codes_url: str = ""
) -> str:
    """The XML to paste into a project: one Labels control a layer, and assertion, codes and comment of each region.

    Every hotkey is given once: a label whose key is taken by another layer gets the next free one. Codes are chosen
    among the candidates of each note, or in the tree that `codes_url` serves (the address of `/terminology`).
    Raises ConfigError for a layer without labels, or one that is called like a control.
    """
    taxonomy = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy)
    groups = {layer: _labels(taxonomy, layer) for layer in layers}
    lines = ["<View>", f"  <Style>{_STYLE} {_HANDLES}</Style>", *_relations(taxonomy)]
    hotkeys = _hotkeys([label for labels in groups.values() for label in labels])
    for layer, labels in groups.items():
        lines.append(f'  <Labels name="{layer}" toName="{TEXT}" showInline="true">')
        for one in labels:
            lines.append(f"    {_tag('Label', value=one.name, background=one.colour, hotkey=hotkeys[one.name])}")
        lines.append("  </Labels>")
    lines.append(f"  {_tag('Text', name=TEXT, value='$text', granularity='symbol')}")
    lines += _controls(groups, codes_url)
    return "\n".join([*lines, "</View>", ""])


def _labels(taxonomy: Taxonomy, layer: str) -> tuple[Label, ...]:
    labels = taxonomy.layer(layer)
    if not labels:
        known = ", ".join(taxonomy.layers)
        raise ConfigError(f"Taxonomy {taxonomy.name!r} has no labels in layer {layer!r}. Layers: {known}")
    if layer in {*AXES, TEXT, CODES, COMMENT}:
        raise ConfigError(f"Layer {layer!r} is called like one of our controls in Label Studio. Rename the layer.")
    return labels


def _hotkeys(labels: list[Label]) -> dict[str, str]:
    """A key for each label that wants one; who comes first keeps it."""
    taken: dict[str, str] = {}
    for label in labels:
        if label.key:
            taken.setdefault(label.key, label.name)
    free = iter([key for key in _KEYS if key not in taken])
    return {one.name: one.key if not one.key or taken[one.key] == one.name else next(free, "") for one in labels}


def _relations(taxonomy: Taxonomy) -> list[str]:
    if FRAGMENT in taxonomy.relations:
        raise ConfigError(f"Relation {FRAGMENT!r} joins the parts of one span in Label Studio. Rename yours.")
    tags = [f"    {_tag('Relation', value=name)}" for name in (*taxonomy.relations, FRAGMENT)]
    return ["  <Relations>", *tags, "  </Relations>"]


def _controls(groups: dict[str, tuple[Label, ...]], codes_url: str) -> Iterator[str]:
    """What can be said of a selected region: the axes, the codes, a comment."""
    labels = [one for group in groups.values() for one in group]
    for axis, values in AXES.items():
        takers = [one for one in labels if axis in one.assertion]
        if takers:
            options = {"perRegion": "true", "choice": "single-radio", "showInline": "true", **_when(takers)}
            yield f"  {_tag('Choices', name=axis, toName=TEXT, **options)[:-2]}>"
            yield from (f"    {_tag('Choice', value=value)}" for value in values)
            yield "  </Choices>"
    takers = [one for one in labels if one.codes]
    if takers:
        # Every task has $codes; with an address, Label Studio asks there instead.
        options = {"perRegion": "true", "value": "$codes", "apiUrl": codes_url, "placeholder": "Codes", **_when(takers)}
        yield f"  {_tag('Taxonomy', name=CODES, toName=TEXT, **options)}"
    options = {"perRegion": "true", "rows": "1", "maxSubmissions": "1", "editable": "true", "placeholder": "Comment"}
    yield f"  {_tag('TextArea', name=COMMENT, toName=TEXT, **options)}"


def _when(labels: list[Label]) -> dict[str, str]:
    """Show a control for these labels only; Label Studio divides the list at commas."""
    listed = {} if any("," in one.name for one in labels) else {"whenLabelValue": ",".join(one.name for one in labels)}
    return {"visibleWhen": "region-selected", **listed}


def _tag(kind: str, /, **attributes: str) -> str:
    held = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items() if value)
    return f"<{kind} {held}/>"
