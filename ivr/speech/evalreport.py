"""An evaluation as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ivr.speech.scoring import Evaluation, Pair, Row
from ivr.speech.verdict import Verdict

MOST_PAIRS = 15
MOST_FILES = 20
_HEADS = ("asked", "missed", "doubtful", "misled", "accepted")
_WIDTHS = (6, 7, 9, 7, 9)


def lines(evaluation: Evaluation, verdict: Verdict) -> Iterator[str]:
    """What a person wants to know, the verdict last."""
    measured = verdict.measured
    for bad in evaluation.bad:
        yield f"left out: {bad}"
    if evaluation.unsayable:
        yield f"the model has no words for: {', '.join(evaluation.unsayable)}"
    yield f"{measured.said} recordings of what may be said, {measured.foreign} of other speech"
    yield from _table("class", evaluation.score.kinds)
    if len(evaluation.score.grounds) > 1:
        yield from _table("heard among", evaluation.score.grounds)
    yield from _pairs("said → heard", evaluation.score.pairs)
    yield from _pairs("other speech → heard", evaluation.score.accepted)
    wrong = [trial for trial in evaluation.trials if not trial.right]
    if wrong:
        yield "recordings to listen to:"
        for trial in wrong[:MOST_FILES]:
            heard = f"{trial.heard} ({trial.confidence:.2f})" if trial.heard else "nothing"
            yield f"  {trial.file}: {trial.said or 'other speech'} → {heard}"
        if len(wrong) > MOST_FILES:
            yield f"  and {len(wrong) - MOST_FILES} more (--json has all)"
    yield f"real-time factor {measured.real_time:.3f} (seconds of a core for a second of speech)"
    yield ""
    name = f"{verdict.model} on {verdict.language}"
    if verdict.passed:
        yield f"PASSED: {name}: {measured.accuracy:.1%} understood, {measured.foreign_accepted:.1%} of other speech accepted"
    else:
        yield f"DID NOT PASS: {name}"
        yield from (f"  {fault}" for fault in verdict.faults)


def _table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    heads = (f"{head:>{width}}" for head, width in zip(_HEADS, _WIDTHS, strict=True))
    yield f"{title:24} {'n':>5} {'right':>7}  {'95 % interval':>15} {' '.join(heads)}"
    for row in rows:
        between = f"{row.lower:.1%} – {row.upper:.1%}"
        counts = (row.asked, row.missed, row.doubtful, row.misled, row.accepted)
        cells = (f"{count:{width}}" for count, width in zip(counts, _WIDTHS, strict=True))
        yield f"{row.name:24} {row.trials:5} {row.share:7.1%}  {between:>15} {' '.join(cells)}"


def _pairs(title: str, pairs: Sequence[Pair]) -> Iterator[str]:
    if pairs:
        yield f"{title}:"
    for pair in pairs[:MOST_PAIRS]:
        yield f"  {pair.times:4} × {pair.said or '(one too many)'} → {pair.heard or '(left out)'}"
    if len(pairs) > MOST_PAIRS:
        yield f"  and {len(pairs) - MOST_PAIRS} more"
