"""Whether a labeling configuration shows what we send: Label Studio stores what it cannot show without a word."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Set
from typing import Any

from medtext.errors import ConfigError, MedtextError
from medtext.formats.label_studio import task_to_note
from medtext.note import Note

Controls = Set[tuple[str, str, str]]
# What a control is told by: its tag, its name, and what may be chosen in it. Colours, keys and texts may differ.
_HOLDERS = {"Labels": "Label", "Choices": "Choice", "Relations": "Relation"}
_SINGLE = {"Text": "value", "Taxonomy": "toName", "TextArea": "toName"}


def controls(config: str) -> Controls:
    """(tag, name, choice) of every control that a labeling configuration has, as far as spans depend on it."""
    try:
        root = ET.fromstring(config or "<View/>")
    except ET.ParseError:
        raise ConfigError("The labeling configuration of the project is no XML.") from None
    found = set()
    for one in root.iter():
        if one.tag in _SINGLE:
            found.add((one.tag, one.get("name", ""), one.get(_SINGLE[one.tag], "")))
        elif one.tag in _HOLDERS:
            inner = one.iter(_HOLDERS[one.tag])
            found |= {(one.tag, one.get("name", ""), each.get("value", "")) for each in inner}
    return found


def check_task(note: Note, task: dict[str, Any], shown: Controls) -> str:
    """Why Label Studio would not show, or we could not read back, this task of a note; empty where all is well.

    Label Studio stores what it cannot show without a word. `shown` are the controls of the project.
    """
    names = {name for _, name, _ in shown}
    for item in task["predictions"][0]["result"]:
        kind, control = item["type"], item.get("from_name", "")
        if kind in ("labels", "choices"):
            tag = kind.capitalize()
            if missing := [one for one in item["value"][kind] if (tag, control, one) not in shown]:
                return f"span {item['id']!r} has {missing[0]!r}, which {control!r} of the project does not offer."
        elif kind != "relation" and control not in names:
            return f"span {item['id']!r} needs {control!r}, which the project does not have."
        elif kind == "relation" and ("Relations", "", item["labels"][0]) not in shown:
            return f"a relation is called {item['labels'][0]!r}, which the project does not offer."
    try:
        same = task_to_note(json.loads(json.dumps(task))) == note
    except MedtextError as error:
        return f"it would not come back: {error}"
    return "" if same else "it would come back changed."
