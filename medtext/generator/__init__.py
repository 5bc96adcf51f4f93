"""Labelled notes for tests of de-identification: invented identifiers in real carriers, with exact gold."""

from medtext.generator.generate import generate

__all__ = ["generate"]
