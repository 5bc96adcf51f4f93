"""What people make of it: how good predictions are, and whether anything is left in what was de-identified.

This room reads notes and knows no stage: what judges a stage must not share its eyes.
"""

from medtext.review.audit import Audit, audit
from medtext.review.evaluate import Evaluation, evaluate

__all__ = ["Audit", "Evaluation", "audit", "evaluate"]
