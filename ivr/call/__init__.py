"""One call, from the trunk to its end: what may follow what. READ THIS FIRST.

    ARRIVED ──answer, ACK──▶ MENU ──queue node──▶ QUEUED ──seat claimed──▶ OFFERED ──seat answers──▶ TALKING ──▶ RATING
                             │ ▲    full, a key,  │    ▲   no answer, refused   │                    │   ▲ seat leaves first
                             │ │    time limit    │    └────────────────────────┘                  REFER │ answer, or
             extension node, │ ├──────────────────┘                                                  ▼   │ nobody's
             transfer node   │ │ nobody answers                                                   TRANSFERRING
                             ▼ │
                         CONNECTING ──somebody answers──▶ TALKING

    SUMMONING ──the seat answers──▶ DIALLING ──the called party answers──▶ TALKING
    (a seat is to call)             (or the seat has dialled itself)

Every phase can go to ENDED; a transfer can also lead to a queue or a menu, and so can what follows a talk (RATING, a menu too).

A plain state machine: `Call.receive(event, now)` and `Call.tick(now)` return what is to be done (ivr/steps.py), in order.
The shell (ivr/calltask.py) does it, and has the call's new state in Redis before a SIP message leaves. `now` is any
monotonic clock in seconds.

    machine.py     Call: which event leads where          waiting.py       QUEUED
    state.py       what a call remembers, as JSON         offering.py      OFFERED
    leg.py         one side's telephone                   calling.py       SUMMONING, DIALLING
    dialling.py    verbs for one telephone                talking.py       TALKING
    answering.py   a telephone that we call answers       transferring.py  a second line; TRANSFERRING
    forking.py     a seat's further telephones            redirecting.py   a 3xx
    leaving.py     a side goes away                       ending.py        any phase → ENDED
    menu.py        ARRIVED, MENU: what the menu wants     recovery.py      media or the engine came back
    early.py       sound before the answer                waiting.py       QUEUED
    announcing.py  what a waiting caller is told          connecting.py    CONNECTING
    message.py     the caller leaves a message            rating.py        RATING
    arrival.py     what is known at the begin             underway.py      what the menu has under way
    hearing.py     the caller is heard
"""

from ivr.call.arrival import Arrival, Kind
from ivr.call.leg import Leg, LegState
from ivr.call.machine import Call
from ivr.call.state import FOLLOWS, Phase

__all__ = ["FOLLOWS", "Arrival", "Call", "Kind", "Leg", "LegState", "Phase"]
