"""A call between a stream and a leg towards the engine: what follows what, and that every way ends both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ivr.gateway.bridge import (
    DIALLING_S,
    GOODBYE_S,
    PATIENCE_S,
    STREAM_S,
    Acknowledge,
    Action,
    Admit,
    Answer,
    Bridge,
    CloseStream,
    Dismiss,
    EndOutside,
    EngineAnswered,
    EngineLeft,
    EngineRefused,
    Event,
    FinishPlaying,
    HangUp,
    Heard,
    Join,
    OutsideEnded,
    Phase,
    Refuse,
    Ring,
    Rings,
    StreamEnded,
    StreamStarted,
    TurnAway,
)


def caller(*events: Event) -> tuple[Bridge, list[Action]]:
    """An inbound call at 0 s, after these; what the last one led to."""
    return _after(Bridge(outbound=False, now=0.0), events)


def callee(*events: Event) -> tuple[Bridge, list[Action]]:
    """An outbound one."""
    return _after(Bridge(outbound=True, now=0.0), events)


def _after(bridge: Bridge, events: tuple[Event, ...]) -> tuple[Bridge, list[Action]]:
    actions: list[Action] = []
    for event in events:
        actions = bridge.receive(event, 1.0)
    return bridge, actions


def test_the_menu_begins_when_the_stream_is_there() -> None:
    bridge, actions = caller(EngineAnswered())
    assert actions == [Admit()]
    assert bridge.deadline() == 1.0 + STREAM_S
    assert bridge.receive(StreamStarted(), 2.0) == [Acknowledge(), Join()]
    assert bridge.deadline() is None


def test_an_engine_that_does_not_answer_turns_the_caller_away() -> None:
    bridge, _ = caller()
    assert bridge.tick(PATIENCE_S - 0.1) == []
    assert bridge.tick(PATIENCE_S) == [HangUp(), TurnAway(408)]
    assert bridge.receive(EngineAnswered(), 6.0) == []


def test_a_refusal_reaches_the_webhook() -> None:
    bridge, actions = caller(EngineRefused(603))
    assert actions == [TurnAway(603)]
    assert (bridge.phase, bridge.ended_by) == (Phase.OVER, "engine")


def test_a_stream_that_never_comes_is_a_caller_cut_off() -> None:
    bridge, _ = caller(EngineAnswered())
    assert bridge.tick(1.0 + STREAM_S) == [Acknowledge(), HangUp(cut_off=True)]
    assert bridge.ended_by == "broken"
    assert bridge.receive(StreamStarted(), 12.0) == [CloseStream()], "too late"


def test_a_caller_who_hangs_up_is_let_go_and_one_whose_stream_breaks_is_not() -> None:
    assert caller(EngineAnswered(), StreamStarted(), StreamEnded(clean=True))[1] == [HangUp()]
    assert caller(EngineAnswered(), StreamStarted(), StreamEnded(clean=False))[1] == [HangUp(cut_off=True)]
    assert caller(EngineAnswered(), StreamEnded(clean=False))[1] == [Acknowledge(), HangUp(cut_off=True)], "it never began"


def test_the_last_words_are_heard_before_the_stream_ends() -> None:
    bridge, actions = caller(EngineAnswered(), StreamStarted(), EngineLeft())
    assert actions == [FinishPlaying()]
    assert bridge.tick(1.0 + GOODBYE_S - 0.1) == []
    assert bridge.receive(Heard(), 1.2) == [CloseStream()]
    assert bridge.ended_by == "engine"
    silent, _ = caller(EngineAnswered(), StreamStarted(), EngineLeft())
    assert silent.tick(1.0 + GOODBYE_S) == [CloseStream()], "a peer that gives no marks back holds nothing up"


def test_a_caller_who_is_gone_before_the_stream_came() -> None:
    assert caller(OutsideEnded(200))[1] == [HangUp(), TurnAway(487)]
    assert caller(EngineAnswered(), OutsideEnded(200))[1] == [Acknowledge(), HangUp()]


def test_a_call_out_is_answered_when_its_stream_is_there() -> None:
    bridge, actions = callee(Rings())
    assert actions == [Ring()]
    assert bridge.receive(StreamStarted(), 3.0) == [Answer(), Join()]


def test_a_call_out_that_comes_to_nothing() -> None:
    assert callee(OutsideEnded(486))[1] == [Refuse(486)]
    assert callee(Rings(), EngineLeft())[1] == [EndOutside()]
    bridge, _ = callee(Rings())
    assert bridge.tick(DIALLING_S) == [EndOutside(), Refuse(408)]


def test_a_status_that_overtakes_the_stream_ends_both() -> None:
    assert caller(EngineAnswered(), StreamStarted(), OutsideEnded(200))[1] == [HangUp(), CloseStream()]


def test_the_end_of_the_process_leaves_nobody_unowed() -> None:
    assert caller(EngineAnswered(), StreamStarted(), Dismiss())[1] == [HangUp(cut_off=True), CloseStream()]
    assert caller(Dismiss())[1] == [HangUp(), TurnAway(503)]
    assert callee(Dismiss())[1] == [EndOutside(), Refuse(503)]


EVENTS = st.sampled_from(
    [
        EngineAnswered(), EngineRefused(503), EngineLeft(), StreamStarted(), StreamEnded(clean=True),
        StreamEnded(clean=False), Heard(), Rings(), OutsideEnded(486), Dismiss(),
    ]
)  # fmt: skip


@given(st.booleans(), st.lists(EVENTS, max_size=12), st.booleans())
def test_whatever_comes_in_whatever_order_each_side_is_told_once(outbound: bool, events: list[Event], ticks: bool) -> None:
    """A caller's webhook gets one answer, an engine's INVITE one final response, no side is ended twice, and it does end."""
    bridge = Bridge(outbound=outbound, now=0.0)
    done: list[Action] = []
    for number, event in enumerate(events):
        if ticks:
            done += bridge.tick(40.0 * number)
        done += bridge.receive(event, 40.0 * number)
    done += bridge.receive(Dismiss(), 1000.0)
    done += bridge.tick(2000.0)
    assert bridge.phase is Phase.OVER
    assert bridge.deadline() is None
    if outbound:
        assert sum(isinstance(one, Answer | Refuse) for one in done) <= 1
        assert not any(isinstance(one, Admit | TurnAway | Acknowledge) for one in done)
    else:
        assert sum(isinstance(one, Admit | TurnAway) for one in done) == 1
        assert not any(isinstance(one, Answer | Refuse | Ring | EndOutside) for one in done)
    assert sum(isinstance(one, HangUp) for one in done) <= 1
    assert sum(isinstance(one, Join) for one in done) <= 1
