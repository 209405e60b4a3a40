"""Session timers (RFC 4028): who refreshes the session and how often is agreed on with each INVITE and UPDATE; a session that
nobody refreshes is over."""

from __future__ import annotations

from ivr.sip.core import SUPPORTED, Alarm, Core
from ivr.sip.events import Broken, Output
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Session, Terms

AGAIN_S = 3.0
"""A refresh that met another request is tried again after so long; without being the owner of the Call-ID a third of it (RFC
3261 14.1)."""
_LAST_S = 32
"""The peer's refresh is missed so long before the interval's end, or a third of it (RFC 4028 10)."""
_HEADER = "Session-Expires"


class Timers:
    """What is proposed, agreed on and due. expires_s: what we propose; min_s: the shortest that we take from a peer."""

    def __init__(self, core: Core, expires_s: int, min_s: int) -> None:
        self._core = core
        self._expires_s = max(expires_s, min_s)
        self._min_s = min_s

    def proposal(self, session: Session) -> tuple[tuple[str, str], ...]:
        """Headers of our INVITE, re-INVITE or UPDATE. In a dialog only what is agreed on already."""
        terms = session.terms
        if terms is not None:
            return SUPPORTED, (_HEADER, f"{terms.interval_s};refresher={'uac' if terms.ours else 'uas'}")
        if session.dialog is None:
            return SUPPORTED, (_HEADER, str(self._expires_s)), ("Min-SE", str(self._min_s))
        return (SUPPORTED,)

    def longer(self, outgoing: Outgoing, response: Response) -> tuple[tuple[str, str], ...]:
        """The headers with which a request that got a 422 is tried again, once; none for any other status."""
        least = _seconds(response.get("Min-SE")) or 0
        tried = any(name == "Min-SE" and int(value) > self._min_s for name, value in outgoing.headers)
        if response.status != 422 or tried or least <= self._min_s:
            return ()
        return (_HEADER, str(least)), ("Min-SE", str(least))

    def refusal(self, request: Request) -> list[tuple[str, str]]:
        """The headers of a 422, if the peer wants refreshes more often than we do; a proxy's wish is overheard."""
        asked = _seconds(request.get(_HEADER))
        too_small = asked is not None and asked < self._min_s and request.knows("timer")
        return [("Min-SE", str(self._min_s))] if too_small else []

    def answer(self, session: Session, request: Request) -> Terms | None:
        """What our 2xx to this INVITE or UPDATE will agree to (9). Where the peer leaves it open, who refreshed goes on, and
        at first it is us."""
        asked, known, old = _seconds(request.get(_HEADER)), request.knows("timer"), session.terms
        if asked is None and not known:
            return None
        least = max(self._min_s, _seconds(request.get("Min-SE")) or 0)
        interval_s = max(least, min(asked or self._expires_s, self._expires_s))
        refresher = _refresher(request.get(_HEADER))
        ours = refresher == "uas" if refresher else old is None or old.ours
        return Terms(interval_s, ours or not known, known)

    def agree(self, session: Session, terms: Terms | None, now: float) -> list[tuple[str, str]]:
        """Headers of our 2xx that agrees to this; the time begins."""
        self._begin(session, terms, now)
        if terms is None:
            return []
        header = (_HEADER, f"{terms.interval_s};refresher={'uas' if terms.ours else 'uac'}")
        return [header, ("Require", "timer")] if terms.known else [header]

    def agreed(self, session: Session, response: Response, now: float, since: float | None = None) -> None:
        """The peer's 2xx to our INVITE or UPDATE (7.2). One that names nobody leaves it to us. One without an interval ends the
        timer, but where we refreshed we go on: the peer may only have forgotten to say it. since: when our request in the
        dialog left; the peer's time may have begun then, long before its 2xx got through."""
        interval_s = _seconds(response.get(_HEADER))
        terms = session.terms if session.terms is not None and session.terms.ours else None
        if interval_s:
            terms = Terms(max(interval_s, self._min_s), _refresher(response.get(_HEADER)) != "uas")
        self._begin(session, terms, since if since is not None and terms is not None and terms.ours else now)

    def due(self, session: Session, now: float) -> list[Output]:
        """The alarm of an answered session: it has expired, or [] when it is to be refreshed."""
        if now < session.expires_at:
            self._wait(session, session.expires_at)
            return []
        session.terms = None
        return session.tell(Broken(session.id, "session_expired"))

    def again(self, session: Session, now: float) -> None:
        """The refresh met another request: try it once more soon."""
        assert session.dialog is not None, "only answered sessions are refreshed"
        delay_s = AGAIN_S if session.dialog.owner else AGAIN_S / 3
        self._wait(session, min(now + delay_s, session.expires_at))

    def refused(self, session: Session, outgoing: Outgoing, status: int, now: float) -> None:
        """The peer refused our refresh. A peer that doesn't take UPDATE after all gets a re-INVITE; glare passes; after any
        other refusal the session runs out."""
        if outgoing.method == "UPDATE" and status in {405, 501}:
            session.updates = False
            self._wait(session, now)
        elif status in {491, 500, 503}:
            self.again(session, now)

    def resume(self, session: Session, now: float) -> None:
        """Go on after a restart. Refreshes since the last dump() are not known: the peer's time begins anew, our own refresh
        comes soon."""
        assert session.terms is not None, "asked for by the caller"
        self._begin(session, session.terms, now)
        if session.terms.ours:
            self._wait(session, now + session.terms.interval_s / 8)

    def wake(self, session: Session, at: float) -> None:
        """Have the agent come back to this session then."""
        self._wait(session, at)

    def _begin(self, session: Session, terms: Terms | None, now: float) -> None:
        session.terms = terms
        if terms is not None:
            margin_s = 0 if terms.ours else min(_LAST_S, terms.interval_s / 3)
            session.expires_at = now + terms.interval_s - margin_s
            self._wait(session, self._due_at(session))
        elif session.alarm is not None:
            self._core.silence(session.alarm)

    @staticmethod
    def _due_at(session: Session) -> float:
        terms = session.terms
        assert terms is not None, "asked for by the callers"
        return session.expires_at - terms.interval_s / 2 if terms.ours else session.expires_at

    def _wait(self, session: Session, at: float) -> None:
        if session.alarm is None:
            session.alarm = Alarm(session)
        session.alarm.deadline = at
        self._core.arm(session.alarm)


def _seconds(value: str) -> int | None:
    """Delta seconds at a header's start; None for none and nonsense."""
    text = value.partition(";")[0].strip()
    return min(int(text), 2**31) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _refresher(value: str) -> str:
    """Who refreshes by this header, "" where it doesn't say."""
    for param in value.lower().split(";")[1:]:
        name, _, who = param.partition("=")
        if name.strip() == "refresher" and who.strip() in {"uac", "uas"}:
            return who.strip()
    return ""
