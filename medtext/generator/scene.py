"""Who stands in one note, and templates filled with them: text, identifiers and hard negatives as pieces."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from medtext.errors import ConfigError
from medtext.generator.names import FORMS, Names, Person
from medtext.generator.pieces import Piece
from medtext.generator.values import Kind, Values

ROLES = {
    "patient": "PATIENT",
    "relative": "RELATIVE",
    "person": "NAME",
    "provider": "PROVIDER",
    "provider2": "PROVIDER",
}
_SLOT = re.compile(r"\{(?P<who>\w+)(?P<mark>[.:])?(?P<what>\w+)?\}|\[\[(?P<negative>.+?)\]\]")
_WORDS = {
    "F": {"title": "Ms.", "he": "she", "his": "her", "him": "her", "man": "woman", "sex": "F"},
    "M": {"title": "Mr.", "he": "he", "his": "his", "him": "him", "man": "man", "sex": "M"},
}
_STATE_NAMES = ("Ohio", "Texas", "Oregon", "Vermont", "Georgia", "New Jersey", "Kansas", "Illinois", "Florida", "Utah")
_FIRST_DAY = date(2016, 1, 4)


Record = Callable[..., random.Random]  # the random numbers of one patient, by what they are for


@dataclass(frozen=True, slots=True)
class Scene:
    """One patient's record: the people in it and the values that last."""

    names: Names
    kinds: Mapping[str, Kind]
    values: Values
    people: dict[str, list[Person]] = field(repr=False)
    kin: dict[Person, str] = field(repr=False)

    @classmethod
    def draw(cls, record: Record, names: Names, kinds: Mapping[str, Kind], *, sex: str, unknown: float) -> Scene:
        """A patient, three relatives, four clinicians and two others."""
        rng = record("people")
        patient = names.person(rng, sex, unknown=unknown)
        kin_sexes = [rng.choice("FM") for _ in range(3)]
        kin_words = [rng.choice(names.people["kin"][one]) for one in kin_sexes]
        relatives = [
            names.person(rng, one, unknown=unknown, last=patient if rng.random() < 0.7 else None) for one in kin_sexes
        ]
        drawn = [names.person(rng, rng.choice("FM"), unknown=unknown) for _ in range(6)]
        people = {"patient": [patient], "relative": relatives, "provider": drawn[:4], "person": drawn[4:]}
        today = _FIRST_DAY + timedelta(days=rng.randrange(3000))
        born = today - timedelta(days=rng.randrange(20 * 365, 88 * 365))
        kin = dict(zip(relatives, kin_words, strict=True))
        return cls(names, kinds, Values(names, patient, born, today, unknown, partial(record, "lasting")), people, kin)

    def cast(self, rng: random.Random) -> dict[str, Person]:
        """Who plays the parts of one template."""
        first, second = rng.sample(self.people["provider"], 2)
        chosen = {role: rng.choice(self.people[role]) for role in ("patient", "relative", "person")}
        return chosen | {"provider": first, "provider2": second}

    def fill(self, rng: random.Random, template: str, *, kind: str = "") -> list[Piece]:
        """The template's pieces; `kind` names the hard negatives in it. Raises ConfigError for an unknown slot."""
        cast, at, pieces = self.cast(rng), 0, []
        for match in _SLOT.finditer(template):
            pieces += [Piece(template[at : match.start()]), *self._slot(rng, match, cast, kind)]
            at = match.end()
        return [piece for piece in (*pieces, Piece(template[at:])) if piece.text]

    def _slot(self, rng: random.Random, match: re.Match[str], cast: dict[str, Person], kind: str) -> Iterator[Piece]:
        if match["negative"]:
            yield Piece(match["negative"], kind=kind)
        elif match["mark"] == ":":
            yield self._word(rng, match["who"], match["what"], cast, kind)
        else:
            yield self.piece(rng, match["who"], match["what"] or "", cast)

    def piece(self, rng: random.Random, who: str, what: str, cast: dict[str, Person]) -> Piece:
        """An identifier: a person's name in a form, or a value of a kind."""
        if who in ROLES:
            if what not in FORMS:
                raise ConfigError(f"Unknown form {what!r} of a name. Forms: {', '.join(FORMS)}")
            person = cast[who]
            return Piece(
                person.spelled(what), label=ROLES[who], form=f"{who.rstrip('2')}.{what}", known=person.known(what)
            )
        if who not in self.kinds:
            raise ConfigError(f"Unknown slot {who!r}. Slots: {', '.join(sorted([*self.kinds, *ROLES]))}")
        one = self.kinds[who]
        owner = cast["provider"] if who in ("dea", "npi") else cast["patient"]
        text, form, known = self.values.draw(rng, one, what, owner)
        return Piece(text, label=one.label, form=f"{who}.{form}", known=known)

    def _word(self, rng: random.Random, who: str, what: str, cast: dict[str, Person], kind: str) -> Piece:
        """Plain text that fits; an age from 85 to 89 is a hard negative."""
        if who == "word":
            text = _plain(rng, what, self.names)
            return Piece(text, kind="age" if what.lower() == "old" else "")
        person = cast[who]
        held = _WORDS[person.sex] | {"kin": self.kin.get(person, "relative"), "says": "says"}
        held |= {"degree": rng.choice(self.names.people["degrees"])}
        if what.lower() not in held:
            raise ConfigError(f"Unknown word {what!r}. Words: {', '.join(held)}")
        text = held[what.lower()]
        return Piece(text.capitalize() if what[0].isupper() and what != "Title" else text)


def _plain(rng: random.Random, what: str, names: Names) -> str:
    made = {
        "age": lambda: str(rng.randrange(20, 85)),
        "old": lambda: str(rng.randrange(85, 90)),
        "year": lambda: str(rng.randrange(1995, 2024)),
        "state": lambda: rng.choice(names.people["states"]),
        "statename": lambda: rng.choice(_STATE_NAMES),
    }
    if what.lower() not in made:
        raise ConfigError(f"Unknown word {what!r}. Words: {', '.join(made)}")
    return made[what.lower()]()
