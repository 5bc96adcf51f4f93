"""What people make of it: compared, measured, merged; and whether anything is left in what was de-identified.

This room reads notes and knows no stage: what judges a stage must not share its eyes.
"""

from medtext.review.adjudicate import Adjudication, adjudicate
from medtext.review.agreement import Agreement, agreement
from medtext.review.audit import Audit, audit
from medtext.review.compare import Comparison, compare
from medtext.review.effort import Cost
from medtext.review.evaluate import evaluate
from medtext.review.evaluation import Evaluation

__all__ = [
    "Adjudication",
    "Agreement",
    "Audit",
    "Comparison",
    "Cost",
    "Evaluation",
    "adjudicate",
    "agreement",
    "audit",
    "compare",
    "evaluate",
]
