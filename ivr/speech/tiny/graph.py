"""The two halves of Vosk's look-ahead decoding graph: HCLr (the acoustic model's transitions → words) and Gr (word after word).

CTC's topology: each phone is one state that may stay; between two phones there may be a blank, between two alike there must be.
A word ends in a hub for its last phone, whence any word goes on, one that starts with that phone only after a blank. Beside the
words runs a loop over all phones which says `[unk]`; each of its phones costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ivr.speech.tiny import UNKNOWN
from ivr.speech.tiny.fst import EPSILON, Fst, sorted_by_input, sorted_by_output
from ivr.speech.tiny.lexicon import Word

BLANK = 0
"""The number of CTC's blank among the network's outputs; phone i of the phone set has number i + 1."""
_GENERAL_UNKNOWN = 2.0
"""What `[unk]` costs more than a word in Gr, the grammar of those who give none."""


@dataclass(frozen=True, slots=True)
class Costs:
    """In natural logarithms. unknown_phone, unknown_start: each phone of the loop of `[unk]`, and to start it.

    word_start: to start a word. Below 0 it is a reward: strings of short words lose less to `[unk]`.
    """

    unknown_phone: float
    unknown_start: float
    word_start: float = 0.0


def symbols(vocabulary: Sequence[Word]) -> tuple[str, ...]:
    """words.txt: the word of each number; 0 is epsilon."""
    return ("<eps>", *(word.text for word in vocabulary), UNKNOWN)


def enter(output: int) -> int:
    """The transition id on an output's first frame. nnet3.py writes the transition model that makes it so."""
    return 2 * output + 2


def stay(output: int) -> int:
    """The transition id on its further frames."""
    return 2 * output + 1


def unused_transition(outputs: int) -> int:
    """A transition id that no arc has, for disambig_tid.int: this graph needs no disambiguation."""
    return 2 * outputs + 100


def hclr(vocabulary: Sequence[Word], phones: Sequence[str], costs: Costs) -> Fst:
    """Transitions to words. The vocabulary's order gives the words' numbers, the phones' order the outputs'."""
    return _Builder(vocabulary, phones, costs).build()


def gr(vocabulary: Sequence[Word]) -> Fst:
    """The grammar when none is given: any word at any time."""
    names = symbols(vocabulary)
    fst = Fst()
    loop = fst.add_state(final=0.0)
    for number, name in enumerate(names):
        if number != EPSILON:
            fst.add_arc(loop, loop, number, number, math.log(len(names)) + (_GENERAL_UNKNOWN if name == UNKNOWN else 0.0))
    return sorted_by_input(fst)


class _Builder:
    def __init__(self, vocabulary: Sequence[Word], phones: Sequence[str], costs: Costs) -> None:
        self._fst = Fst()
        self._outputs = {phone: number for number, phone in enumerate(phones, start=1)}
        self._vocabulary = vocabulary
        self._costs = costs
        self._start = self._fst.add_state(final=0.0)
        self._fst.add_arc(self._start, self._start, enter(BLANK))
        self._hubs: dict[int, int] = {}

    def build(self) -> Fst:
        entries = [self._word(word) for word in self._vocabulary]
        unknown = self._unknown()
        for output, hub in [(BLANK, self._start), *self._hubs.items()]:
            for number, (first, state) in enumerate(entries, start=1):
                if first != output:
                    self._fst.add_arc(hub, state, enter(first), number, self._costs.word_start)
            self._fst.add_arc(hub, unknown, EPSILON, len(entries) + 1, self._costs.unknown_start)
        return sorted_by_output(self._fst)

    def _word(self, word: Word) -> tuple[int, int]:
        """Lays the word's path to its hub; the first phone's output and the state in which it has been entered."""
        outputs = [self._outputs[phone] for phone in word.phones]
        entry = state = self._fst.add_state()
        self._fst.add_arc(state, state, stay(outputs[0]))
        for output, following in pairwise(outputs):
            blank, after = self._fst.add_state(), self._fst.add_state()
            self._fst.add_arc(state, blank, enter(BLANK))
            self._fst.add_arc(blank, blank, enter(BLANK))
            self._fst.add_arc(blank, after, enter(following))
            if following != output:
                self._fst.add_arc(state, after, enter(following))
            self._fst.add_arc(after, after, stay(following))
            state = after
        self._fst.add_arc(state, self._hub(outputs[-1]), EPSILON)
        return outputs[0], entry

    def _hub(self, output: int) -> int:
        """Where all words that end in this output meet."""
        if output not in self._hubs:
            self._hubs[output] = self._fst.add_state(final=0.0)
            self._fst.add_arc(self._hubs[output], self._start, enter(BLANK))
        return self._hubs[output]

    def _unknown(self) -> int:
        """The loop over all phones; the state in which `[unk]` has been said."""
        entry, between = self._fst.add_state(), self._fst.add_state()
        self._fst.add_arc(between, between, enter(BLANK))
        self._fst.add_arc(between, self._start, EPSILON)
        for output in self._outputs.values():
            heard = self._fst.add_state()
            for source in (entry, between):
                self._fst.add_arc(source, heard, enter(output), EPSILON, self._costs.unknown_phone)
            self._fst.add_arc(heard, heard, stay(output))
            self._fst.add_arc(heard, entry, EPSILON)
            self._fst.add_arc(heard, between, enter(BLANK))
            self._fst.add_arc(heard, self._hub(output), EPSILON)
        return entry
