"""The menu language of a hotline: what callers hear, which keys and words lead where.

model.py is the language, load.py reads it from YAML with line numbers, check.py finds what is wrong with a menu before callers
do (its rules are in checks/, its words in messages/), run.py walks one caller through it, nodes/ has each kind's fields and
behaviour, write.py puts a menu into YAML again, versions.py puts a menu into text and keeps the
last good one on disk.
"""
