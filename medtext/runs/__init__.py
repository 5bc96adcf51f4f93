"""How much is done at once: whole files and folders of notes, with counts, problems, a manifest and resumption."""

from medtext.runs.annotate import annotate
from medtext.runs.check import check
from medtext.runs.convert import convert
from medtext.runs.deid import deid
from medtext.runs.reidentify import reidentify
from medtext.runs.report import RunReport

__all__ = ["RunReport", "annotate", "check", "convert", "deid", "reidentify"]
