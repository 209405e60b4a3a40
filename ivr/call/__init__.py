"""One call, from the trunk to its end: what may follow what. READ THIS FIRST.

    ARRIVED ──answer, ACK──▶ MENU ──queue node──▶ QUEUED ──seat claimed──▶ OFFERED ──seat answers──▶ TALKING
                              ▲     time limit    │    ▲   no answer, refused   │
                              └───────────────────┘    └────────────────────────┘     every phase ──▶ ENDED

A plain state machine: `Call.receive(event, now)` and `Call.tick(now)` return what is to be done (ivr/steps.py), in order.
The shell (ivr/calltask.py) does it, and has the call's new state in Redis before a SIP message leaves. `now` is any
monotonic clock in seconds.

    machine.py   Call: which event leads where         waiting.py    QUEUED
    state.py     what a call remembers, as JSON        offering.py   OFFERED
    leg.py       one side's telephone                  talking.py    TALKING
    menu.py      ARRIVED, MENU                         ending.py     any phase → ENDED
                                                       recovery.py   media or the engine came back
"""

from ivr.call.leg import Leg
from ivr.call.machine import Call
from ivr.call.state import FOLLOWS, Arrival, Phase

__all__ = ["FOLLOWS", "Arrival", "Call", "Leg", "Phase"]
