"""medSpaCy's Sectionizer as an engine for sections, with the rules that it ships; its categories become our classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from medtext.bridge import open_medspacy

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
        self._nlp, medspacy, self.version = open_medspacy("section_detection")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its rules warn of regular expressions
            self._sectionizer = medspacy.Sectionizer(self._nlp)

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
