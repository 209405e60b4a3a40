"""[io] A model hears a set of recordings, each where it belongs, and its own time is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from ivr.speech.control import Understood
from ivr.speech.evalset import Item, listen
from ivr.speech.ground import FOREIGN, Ground, by_kind, kind_of
from ivr.speech.phrases import tokens
from ivr.speech.recogniser import Recogniser
from ivr.speech.recording import BadRecording, Channel, Recording
from ivr.speech.rehearing import hear
from ivr.speech.scoring import Evaluation, Trial, score
from ivr.speech.spoken import Spoken

Grounds = Callable[[Item], Sequence[Ground]]
"""Where an item is heard."""


def of_kinds(items: Sequence[Item], language: Spoken) -> Grounds:
    """Each item is heard where its kind of thing is said."""
    grounds = by_kind((item.text for item in items), language)
    return lambda item: (grounds[kind_of(item.text)],)


def of_nodes(nodes: Mapping[str, Ground]) -> Grounds:
    """Each item is heard at the node that it names; one that names none wherever it means something, and one that means
    something nowhere at all nodes."""

    def grounds(item: Item) -> Sequence[Ground]:
        if item.node:
            return (nodes[item.node],)
        meant = [ground for ground in nodes.values() if item.text and ground.meaning(item.text) is not None]
        return meant or tuple(nodes.values())

    return grounds


def evaluate(
    recogniser: Recogniser,
    items: Sequence[Item],
    grounds_of: Grounds,
    *,
    unsure_below: float,
    channel: Channel = "mono",
    progress: Callable[[int], None] = lambda count: None,
) -> Evaluation:
    """Have each item heard at its places. progress gets the number of items done. Raises RecogniserError for a place of which
    the model knows no word."""
    trials, bad = [], []
    unsayable: dict[str, None] = {}
    for count, item in enumerate(items, 1):
        try:
            recording = listen(item, channel)
        except BadRecording as error:
            bad.append(str(error))
            continue
        for ground in grounds_of(item):
            for phrase in ground.grammar.phrases:
                if phrase not in unsayable and tokens(phrase, recogniser.vocabulary()) is None:
                    unsayable[phrase] = None
            trials.append(_trial(recogniser, item, ground, recording, unsure_below))
        progress(count)
    return Evaluation(score(trials), tuple(trials), tuple(bad), tuple(unsayable))


def _trial(recogniser: Recogniser, item: Item, ground: Ground, recording: Recording, unsure_below: float) -> Trial:
    began = time.thread_time()  # of this thread alone: what others do on the machine doesn't count
    told = hear(recogniser, ground, recording.samples)
    took_s = time.thread_time() - began
    text, confidence = (told.text, told.confidence) if isinstance(told, Understood) else ("", 0.0)
    meaning = (ground.meaning(item.text) if item.text else None) or ""
    return Trial(
        file=str(item.path),
        kind=FOREIGN if not meaning else item.kind or kind_of(item.text),
        ground=ground.name,
        said=item.text,
        meaning=meaning,
        heard=text,
        heard_meaning=(ground.meaning(text) if text else None) or "",
        confidence=confidence,
        sure=confidence >= (unsure_below if ground.unsure_below is None else ground.unsure_below),
        seconds=recording.seconds,
        took_s=took_s,
    )
