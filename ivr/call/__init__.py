"""One call, from the trunk to its end: what may follow what. READ THIS FIRST.

    ARRIVED ──answer, ACK──▶ MENU ──queue node──▶ QUEUED ──seat claimed──▶ OFFERED ──seat answers──▶ TALKING
                              ▲     time limit    │    ▲   no answer, refused   │                    │   ▲
                              └───────────────────┘    └────────────────────────┘                  REFER │ answer, or nobody's
    SUMMONING ──the seat answers──▶ DIALLING ──the called party answers──▶ TALKING                   ▼   │
    (a seat is to call)             (or the seat has dialled itself)                              TRANSFERRING

Every phase can go to ENDED; a transfer can also lead to a queue or a menu.

A plain state machine: `Call.receive(event, now)` and `Call.tick(now)` return what is to be done (ivr/steps.py), in order.
The shell (ivr/calltask.py) does it, and has the call's new state in Redis before a SIP message leaves. `now` is any
monotonic clock in seconds.

    machine.py     Call: which event leads where          waiting.py       QUEUED
    state.py       what a call remembers, as JSON         offering.py      OFFERED
    leg.py         one side's telephone                   calling.py       SUMMONING, DIALLING
    dialling.py    verbs for one telephone                talking.py       TALKING
    answering.py   a telephone that we call answers       transferring.py  a second line; TRANSFERRING
    leaving.py     a side goes away                       ending.py        any phase → ENDED
    menu.py        ARRIVED, MENU                          recovery.py      media or the engine came back
"""

from ivr.call.leg import Leg, LegState
from ivr.call.machine import Call
from ivr.call.state import FOLLOWS, Arrival, Kind, Phase

__all__ = ["FOLLOWS", "Arrival", "Call", "Kind", "Leg", "LegState", "Phase"]
