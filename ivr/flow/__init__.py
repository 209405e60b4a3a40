"""The menu language of a hotline: what callers hear, which keys and words lead where.

model.py is the language, load.py reads it from YAML with line numbers, check.py finds what is wrong with a menu before callers
do, run.py walks one caller through it, kinds.py is each node kind's behaviour, versions.py puts a menu into text and keeps the
last good one on disk.
"""
