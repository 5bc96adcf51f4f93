"""medSpaCy's Sectionizer as an engine for sections, with the rules that it ships; its categories become our classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib.metadata import version

from medtext.errors import MissingExtraError

_CLASSES = {  # the categories that are named otherwise than ours
    "allergy": "allergies",
    "comments": "other",
    "diagnoses": "diagnosis",
    "labs_and_studies": "labs",
    "neurological": "physical_exam",
    "observation_and_plan": "assessment_and_plan",
    "patient_education": "instructions",
    "patient_instructions": "instructions",
    "problem_list": "past_medical_history",
    "reason_for_examination": "chief_complaint",
    "addendum": "other",
    "signature": "other",
}


class MedspacySections:
    """Finds headings with medSpaCy; raises MissingExtraError where it is absent."""

    def __init__(self) -> None:
        try:
            self.version = version("medspacy")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its imports warn of regular expressions and pkg_resources
                import spacy
                from loguru import logger
                from medspacy.section_detection import Sectionizer

                logger.disable("PyRuSH")  # it prints every token of a note at level DEBUG
                self._nlp = spacy.blank("en")
                self._sectionizer = Sectionizer(self._nlp)
        except ImportError as error:
            raise MissingExtraError("The engine 'medspacy'", "medspacy", "medspacy") from error

    def headings(self, text: str) -> Iterator[tuple[int, str, tuple[int, int]]]:
        """(start of the section, class, place of the heading without its colon), in order."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\[W036\]")  # one of its matchers has no rules
            doc = self._sectionizer(self._nlp.make_doc(text))
        for section in doc._.sections:
            title = doc[slice(*section.title_span)]
            words = title.text.rstrip(": \n\t")
            if section.category and words:
                label = _CLASSES.get(section.category, section.category)
                yield title.start_char, label, (title.start_char, title.start_char + len(words))
