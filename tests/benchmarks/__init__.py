"""Figures that anyone can rerun: `make bench` measures and writes them to RESULTS.md beside this file."""
