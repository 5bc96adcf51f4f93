"""Models over texts: windows, batches, decoding. Stages share them; nothing here knows a note."""

from medtext.inference.places import BUNDLED
from medtext.inference.tokens import Found, TokenClassifier

__all__ = ["BUNDLED", "Found", "TokenClassifier"]
