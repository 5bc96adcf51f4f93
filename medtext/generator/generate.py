"""`generate`: labelled notes without end, the same for the same seed in every process."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from medtext.config import Table
from medtext.errors import ConfigError
from medtext.generator.carriers import Marks, carried, openings, sex_of
from medtext.generator.mess import messy
from medtext.generator.names import Names, rules
from medtext.generator.pieces import Piece, assembled
from medtext.generator.scene import Scene
from medtext.generator.values import load_kinds
from medtext.note import Note
from medtext.taxonomy import Policy, Taxonomy


def generate(
    carriers: Iterable[Note] | None = None,
    *,
    count: int,
    seed: int,
    insertions: int = 6,
    unknown_names: float = 0.15,
    mess: float = 0.3,
    notes_per_patient: int = 1,
) -> Iterator[Note]:
    """`count` notes with invented identifiers as gold: spans of the layer `phi`, status `added`, exact offsets.

        notes = list(medtext.generate(count=20, seed=7))

    `carriers` are notes to put them into, again and again in a drawn order; without them, small ones that ship. Marks
    (`**NAME[AAA]`, `[**Hospital 3**]`) and `phi` spans of a carrier are filled; the rest of its text stays as it is;
    its other spans do not stay. A carrier with neither `deidentified` nor `phi` spans goes through the deid stage
    first: what that misses stays without gold, so state `deidentified=True` where no identifier can be left.

    `insertions` is how many stand inside a note beside its head and foot, with half as many hard negatives
    (`note.x["hard_negatives"]`: `[start, end, kind]`, code points). `unknown_names` is the share of people and places
    whose names are in none of the lexicons that ship; each span tells in `x["generator"]`. `mess` is the share of
    insertions that are typed badly. All numbers are drawn at random: a likeness to anybody's is chance.
    Raises ConfigError for a share outside 0 to 1, a count below 0, or no carriers.
    """
    _check(count, insertions, notes_per_patient, unknown_names, mess)
    recipe = Recipe(seed, insertions, unknown_names, mess, notes_per_patient)
    return _notes(_shipped() if carriers is None else list(carriers), count, recipe)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the user chose."""

    seed: int
    insertions: int
    unknown_names: float
    mess: float
    notes_per_patient: int

    def rng(self, *purpose: object) -> random.Random:
        """A stream of random numbers of its own for each purpose, whatever else is drawn."""
        key = "|".join(map(str, (self.seed, *purpose)))
        return random.Random(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))


class Workshop:
    """All that is loaded once: names, spellings, templates, marks."""

    def __init__(self) -> None:
        self.names = Names()
        self.kinds = load_kinds(frozenset(Taxonomy.load("phi").labels))
        self.marks = Marks()
        self.insertions: Table = rules("insertions.yaml").allow(("version", "head", "foot", "inside"), "the insertions")
        self.negatives: Table = rules("hard_negatives.yaml").allow(("version", "kinds"), "the hard negatives")["kinds"]

    def note(self, carrier: Note, number: int, recipe: Recipe) -> Note:
        """The note of this number."""
        patient = number // recipe.notes_per_patient
        record = partial(recipe.rng, "patient", patient)
        # Of several notes no carrier may decide, or the patient's sex would change from one to the next.
        sex = sex_of(carrier.text if recipe.notes_per_patient == 1 else "", record("sex"))
        scene = Scene.draw(record, self.names, self.kinds, sex=sex, unknown=recipe.unknown_names)
        rng = recipe.rng("note", number)
        fillings = self.marks.fillings(carrier)
        placed = self._placed(openings(carrier.text, fillings), scene, rng, recipe)
        head, foot = self._block("head", scene, rng, recipe), self._block("foot", scene, rng, recipe)
        inside = carried(carrier.text, fillings, placed, scene, rng)
        pieces = [*head, Piece("\n\n"), *inside, Piece("\n\n"), *foot]
        meta = {"patient": f"g{recipe.seed}-p{patient + 1}", "sex": sex, "carrier": carrier.id}
        return assembled(pieces, f"g{recipe.seed}-{number + 1}", carrier.id, meta)

    def _block(self, where: str, scene: Scene, rng: random.Random, recipe: Recipe) -> list[Piece]:
        pieces = scene.fill(rng, rng.choice(self.insertions[where]))
        return messy(pieces, rng) if rng.random() < recipe.mess else pieces

    def _placed(
        self, places: Sequence[tuple[int, bool]], scene: Scene, rng: random.Random, recipe: Recipe
    ) -> dict[int, list[Piece]]:
        """Insertions and hard negatives, each at an opening; where these run out, together at the last."""
        made = list(self._made(scene, rng, recipe))
        chosen = rng.sample(places, min(len(made), len(places)))
        placed = {at: [Piece("\n" if line else " "), *one] for (at, line), one in zip(chosen, made, strict=False)}
        rest = [[Piece("\n"), *one] for one in made[len(chosen) :]]
        if rest:
            end = max((at for at, _ in places), default=0)
            placed[end] = placed.get(end, []) + [piece for one in rest for piece in one]
            placed[end] += [] if places else [Piece("\n")]
        return placed

    def _made(self, scene: Scene, rng: random.Random, recipe: Recipe) -> Iterator[list[Piece]]:
        groups = sorted(self.insertions["inside"])
        kinds = sorted(self.negatives)
        for group in _drawn(groups, recipe.insertions, rng):
            pieces = scene.fill(rng, rng.choice(self.insertions["inside"][group]))
            yield messy(pieces, rng) if rng.random() < recipe.mess else pieces
        for kind in _drawn(kinds, (recipe.insertions + 1) // 2, rng):
            pieces = scene.fill(rng, rng.choice(self.negatives[kind]), kind=kind)
            yield messy(pieces, rng) if rng.random() < recipe.mess else pieces


def _notes(carriers: Sequence[Note], count: int, recipe: Recipe) -> Iterator[Note]:
    if not carriers:
        raise ConfigError("There are no carriers. Give at least one note, or none at all for those that ship.")
    shop = Workshop()
    clean = _prepared(carriers)
    order: list[int] = []
    for number in range(count):
        if not number % len(clean):
            order = recipe.rng("order", number).sample(range(len(clean)), len(clean))
        yield shop.note(clean[order[number % len(clean)]], number, recipe)


def _drawn(values: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """So many of the values, each as often as the others as far as that goes."""
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += rng.sample(values, min(len(values), count - len(drawn)))
    return drawn


def _prepared(carriers: Sequence[Note]) -> list[Note]:
    """The carriers with every identifier marked: those that may hold unmarked ones go through the deid stage."""
    if all(one.deidentified or one.layer("phi") for one in carriers):
        return list(carriers)
    from medtext.stages.deid import Deid

    stage = Deid(policy=Policy("tags", "every identifier becomes a tag", "tag", {}))
    return [one if one.layer("phi") else stage(one) for one in carriers]


def _shipped() -> list[Note]:
    held = rules("carriers.yaml").allow(("version", "carriers"), "the carriers").get_typed("carriers", dict, {})
    return [Note(name, text, deidentified=True) for name, text in held.items()]


def _check(count: int, insertions: int, notes_per_patient: int, *shares: float) -> None:
    if count < 0 or insertions < 0 or notes_per_patient < 1:
        raise ConfigError("count and insertions are 0 or more, notes_per_patient is 1 or more.")
    if not all(0 <= one <= 1 for one in shares):
        raise ConfigError("unknown_names and mess are shares from 0 to 1.")
