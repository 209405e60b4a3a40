"""What is wrong with a menu, found before callers find it: reads it, and runs the rules of checks/.

An error keeps a menu from being published: callers would hear nothing, be cut off, or be recorded without having been told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ivr.flow.checks import keys, people, prompts, times, variables, ways, words, world
from ivr.flow.checks.facts import UNKNOWN, Facts
from ivr.flow.checks.survey import Survey
from ivr.flow.finding import Finding
from ivr.flow.load import Loaded, load

__all__ = ["RULES", "Facts", "check", "check_file"]

RULES: tuple[Callable[[Survey], Iterator[Finding]], ...] = (
    ways.missing_targets,
    ways.unreachable,
    ways.loops,
    people.no_human,
    people.cut_off,
    people.no_notice,
    people.notice_cut,
    prompts.missing_prompts,
    prompts.missing_languages,
    prompts.long_prompts,
    prompts.many_options,
    keys.habits,
    keys.extensions,
    words.words,
    words.unknown,
    words.many,
    words.without_keys,
    words.secrets_said,
    variables.unwritten,
    variables.facts_written,
    variables.secrets_spoken,
    variables.misread,
    world.named,
    times.before_answer,
    times.times,
)


def check_file(path: Path, facts: Facts = UNKNOWN) -> list[Finding]:
    """Read and check a menu file. Whatever the file holds, findings come back and nothing is raised."""
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return [Finding(name, 0, "", "unreadable", {"why": error.strerror or str(error)})]
    except UnicodeDecodeError:
        return [Finding(name, 0, "", "unreadable.encoding")]
    return check(load(text, name), facts)


def check(loaded: Loaded, facts: Facts = UNKNOWN) -> list[Finding]:
    """All findings of a menu that was read, by line."""
    findings = list(loaded.findings)
    if loaded.document is not None:
        survey = Survey(loaded, loaded.document, facts)
        for rule in RULES:
            findings.extend(rule(survey))
    return sorted(findings, key=lambda finding: finding.line)
