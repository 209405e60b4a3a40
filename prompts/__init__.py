"""Prompts: what callers hear. <language>/texts.yaml has the words, the WAVs beside it (8 kHz, mono, 16 bit) are them spoken.

common/ has what needs no words (music, beep), menus/ the sample hotlines. catalogue.py finds a prompt by name, build.py speaks
texts, importing.py and own.py take in people's own recordings, reading.py reads values from clips, synthesis.py says what a
speech engine is.
"""

from __future__ import annotations

from pathlib import Path

PATH = Path(__file__).parent
"""Where the prompts lie that come with the project."""
