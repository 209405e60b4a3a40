"""[io] pyVoIP's telephone made fit for a probe: its own messages and session descriptions, and its traps closed.

pyVoIP 1.6.8 waits for ever where an INVITE is refused or lost, resends nothing, can't send keys, hears 8 bits, dies of an empty
datagram, takes gigabytes for a far timestamp, and binds its port again at a re-INVITE. What is replaced here is only that. Its
ACK with a fresh To tag stays as it is, as servers meet it.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
import time
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop, which Python 3.13 left out
    import pyVoIP.VoIP  # before its SIP, else their imports go round in a circle
    from pyVoIP import RTP, SIP
    from pyVoIP.VoIP.status import PhoneStatus

from ivr.phones.audio import Samples, encode
from ivr.phones.rtp import FRAME, FRAME_S, Heard, Packet, Player, key_events, pack, unpack


class ProbeError(Exception):
    """The call couldn't be made; the text says why. `status` is the refusing answer, 0 where there was none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def bound(host: str) -> socket.socket:
    """A UDP socket on a port of its own. pyVoIP would look for a free one now, and bind it when somebody else may have it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


def own_address(server: str, port: int) -> str:
    """The address of this machine that the server sees."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((server, port))
        return str(probe.getsockname()[0])


class _Sound(RTP.RTPClient):
    """pyVoIP's RTP threads on a socket that is bound already, with 16-bit sound, steady pacing, and keys."""

    def __init__(self, *values: Any, bound: socket.socket, **named: Any) -> None:
        super().__init__(*values, **named)
        bound.setblocking(False)
        self.sin = self.sout = bound
        self.heard = Heard()
        self.player = Player()
        self.events: list[bytes] = []
        self.lock = threading.Lock()

    def start(self) -> None:
        for work in (self.recv, self.trans):
            threading.Thread(target=work).start()

    def press(self, digit: str) -> None:
        with self.lock:
            self.events += [*key_events(digit, 120), b"", b"", b""]  # then 60 ms of sound, which tells two keys apart

    def recv(self) -> None:
        while self.NSD:
            with contextlib.suppress(OSError, ValueError):  # closed by stop(), or an ICMP answer
                if not select.select([self.sin], [], [], 0.1)[0]:
                    continue
                packet = unpack(self.sin.recv(8192), time.monotonic())
                if packet is not None:
                    with self.lock:
                        self.heard.add(packet)

    def trans(self) -> None:
        sequence, timestamp, ssrc, begun, due = self.outSequence, self.outTimestamp, self.outSSRC, 0, time.monotonic()
        while self.NSD:
            with self.lock:
                frame, event = self.player.frame(), self.events.pop(0) if self.events else b""
            if event:
                first = event[2:4] == FRAME.to_bytes(2, "big")
                begun = timestamp if first else begun
                data = pack(101, sequence, begun, ssrc, event, marker=first)
            else:
                kind = int(self.preference)
                data = pack(kind, sequence, timestamp, ssrc, encode("PCMA" if kind == 8 else "PCMU", frame), marker=False)
            with contextlib.suppress(OSError):
                self.sout.sendto(data, (self.outIP, self.outPort))
            sequence, timestamp, due = sequence + 1, timestamp + FRAME, max(due + FRAME_S, time.monotonic() - 0.2)
            time.sleep(max(0.0, due - time.monotonic()))


class _Call(pyVoIP.VoIP.VoIPCall):
    """A call whose sound is `_Sound`, and which may be re-INVITEd."""

    sound: _Sound | None = None

    def create_rtp_clients(self, codecs: dict[int, Any], ip: str, port: int, request: Any, baseport: int) -> None:
        address = request.body["c"][0]["address"]
        assert isinstance(self.phone, Phone)
        self.sound = _Sound(
            codecs, ip, port, address, baseport, self.sendmode, dtmf=self.dtmf_callback, bound=self.phone.bound
        )  # fmt: skip
        self.RTPClients = [self.sound]

    def renegotiate(self, request: Any) -> None:
        streams = {client.inPort: client.assoc for client in self.RTPClients}
        message = self.sip.gen_answer(request, self.session_id, streams, self.sendmode)
        self.sip.out.sendto(message.encode(), (self.phone.server, self.phone.port))
        if request.body.get("m") and request.body.get("c"):
            self.RTPClients[0].outIP = request.body["c"][0]["address"]
            self.RTPClients[0].outPort = request.body["m"][0]["port"]


class _Client(SIP.SIPClient):
    """pyVoIP's SIP with bounds."""

    def __init__(self, *values: Any, registers: bool, bound: socket.socket, **named: Any) -> None:
        super().__init__(*values, **named)
        self.out = self.s = bound
        self.registers = registers
        self.register_timeout = 5
        self.callID = SIP.Counter(random.randrange(1, 1 << 40))  # else every probe's first call bears the same Call-ID
        self.refusal: tuple[int, str] | None = None
        self.broken = ""
        self.remote_bye = False
        self.bye_answered = threading.Event()
        self.first_answer: Any = None

    def start(self) -> None:
        self.NSD = True
        self.register()
        threading.Thread(target=self.recv_loop, daemon=True).start()  # pyVoIP begins to listen only after a second

    def register(self) -> bool:
        if self.registers:
            return bool(super().register())
        self.phone._status = PhoneStatus.REGISTERED
        return True

    def parse_message(self, message: Any) -> None:
        if message.type == SIP.SIPMessageType.RESPONSE:
            method = message.headers["CSeq"]["method"]
            if method == "BYE":
                self.bye_answered.set()
                return
            if method == "INVITE" and int(message.status) >= 300:
                self.refused(message)
                return
        try:
            super().parse_message(message)
        except (LookupError, ValueError, TypeError, AttributeError, RTP.RTPParseError) as error:
            # pyVoIP only prints it, and the call would hang: it could make nothing of a session description
            first = message.heading.decode(errors="replace")
            self.broken = f"pyVoIP fails at {first!r}: {type(error).__name__} {error}"
        if message.type == SIP.SIPMessageType.MESSAGE and message.method == "BYE":
            self.remote_bye = True  # only now, with the 200 on its way: the process may end at once

    def refused(self, message: Any) -> None:
        self.refusal = (int(message.status), message.status.phrase)
        self.out.sendto(self.gen_ack(message).encode(), (self.server, self.port))

    def invite(self, number: str, ms: Any, sendtype: Any) -> tuple[Any, str, int]:
        call_id, session = self.gen_call_id(), self.sessID.next()
        invite = self.gen_invite(number, str(session), ms, sendtype, self.gen_branch(), call_id)
        with self.recvLock:
            answer = self.exchange(invite, call_id)
            if int(answer.status) == 401 and self.password:
                self.out.sendto(self.gen_ack(answer).encode(), (self.server, self.port))
                fields = answer.authentication
                digest = self.gen_authorization(answer).decode()
                login = f'Digest username="{self.username}",realm="{fields["realm"]}",nonce="{fields["nonce"]}",'
                login += f'uri="sip:{self.server};transport=UDP",response="{digest}",algorithm=MD5'
                invite = self.gen_invite(number, str(session), ms, sendtype, self.gen_branch(), call_id)
                invite = invite.replace("\r\nContent-Length", f"\r\nAuthorization: {login}\r\nContent-Length")
                answer = self.exchange(invite, call_id)
        self.first_answer = answer  # pyVoIP forgets a 200 that comes before it knows the call
        return SIP.SIPMessage(invite.encode()), call_id, session

    def exchange(self, invite: str, call_id: str) -> Any:
        """Send an INVITE, again after 0.5, 1, 2 s …, until the first answer to it (RFC 3261 17.1.1.2)."""
        cseq = SIP.SIPMessage(invite.encode()).headers["CSeq"]["check"]
        pause = 0.5
        while pause < 16:
            self.out.sendto(invite.encode(), (self.server, self.port))
            end = time.monotonic() + pause
            while (left := end - time.monotonic()) > 0 and select.select([self.s], [], [], left)[0]:
                with contextlib.suppress(ConnectionError, SIP.SIPParseError, LookupError, ValueError):
                    message = SIP.SIPMessage(self.s.recv(8192))
                    if message.headers["Call-ID"] == call_id and message.headers["CSeq"]["check"] == cseq:
                        return message
            pause *= 2
        raise ProbeError(f"no answer to INVITE from {self.server}:{self.port}")


class Phone(pyVoIP.VoIP.VoIPPhone):
    """A pyVoIP telephone for one call to `server`. Without `password` it doesn't register."""

    def __init__(self, server: str, port: int, user: str, password: str) -> None:
        host = own_address(server, port)
        self.bound = bound(host)
        """For its sound."""
        signalling, sound = bound(host), self.bound.getsockname()[1]
        super().__init__(server, port, user, password, myIP=host, rtpPortLow=sound, rtpPortHigh=sound)
        self.client = self.sip = _Client(
            server, port, user, password, phone=self, myIP=host,
            myPort=signalling.getsockname()[1], bound=signalling, registers=bool(password),
            callCallback=self.callback, fatalCallback=self.fatal,
        )  # fmt: skip
        self.current: _Call | None = None

    def dial(self, number: str) -> None:
        """Register when there is a password, then send the INVITE; returns at its first answer. ProbeError."""
        self.start()
        if self._status is not PhoneStatus.REGISTERED:
            raise ProbeError(f"{self.username} could not be registered at {self.server}:{self.port}")
        port = self.request_port()
        streams: Any = {port: {0: RTP.PayloadType.PCMU, 101: RTP.PayloadType.EVENT}}
        request, call_id, session = self.client.invite(number, streams, RTP.TransmitType.SENDRECV)
        self.current = _Call(
            self, pyVoIP.VoIP.CallState.DIALING, request, session, self.myIP, ms=streams, sendmode=self.sendmode
        )
        self.calls[call_id] = self.current
        with self.client.recvLock:  # parsing switches the socket between blocking and not
            self.client.parse_message(self.client.first_answer)

    @property
    def answered(self) -> bool:
        """True once the call was answered. ProbeError when it was refused or can't be understood."""
        if self.client.broken:
            raise ProbeError(self.client.broken)
        if self.client.refusal is not None:
            status, reason = self.client.refusal
            raise ProbeError(f"refused: {status} {reason}", status)
        return self.current is not None and self.current.state is not pyVoIP.VoIP.CallState.DIALING

    @property
    def ended_by_remote(self) -> bool:
        """True once the other side's BYE came and was answered."""
        return self.client.remote_bye

    def play(self, samples: Samples, *, loop: bool) -> None:
        """Send this sound."""
        sound = self.current.sound if self.current is not None else None
        if sound is not None:
            with sound.lock:
                sound.player.play(samples, loop=loop)

    def press(self, digits: str) -> None:
        """Send keys by RFC 4733, one behind the other."""
        sound = self.current.sound if self.current is not None else None
        if sound is not None:
            for digit in digits:
                sound.press(digit)

    def heard(self) -> Heard:
        """A copy of what was heard so far."""
        sound = self.current.sound if self.current is not None else None
        if sound is None:
            return Heard()
        with sound.lock:
            packets: list[Packet] = list(sound.heard.packets)
        return Heard(packets)

    def hang_up(self) -> None:
        """BYE, again until it is answered, for 3 s at most. A call that was never answered is left to the server's timers."""
        if self.current is None or self.current.state is not pyVoIP.VoIP.CallState.ANSWERED:
            return
        bye = self.sip.gen_bye(self.current.request)
        self.current.hangup()
        for pause in (0.4, 0.8, 1.6):
            if self.client.bye_answered.wait(pause):
                return
            self.sip.out.sendto(bye.encode(), (self.server, self.port))

    def close(self) -> None:
        """Hang up, and take the registration back."""
        self.hang_up()
        self.client.stop()
        self.client._close_sockets()
        self.bound.close()
