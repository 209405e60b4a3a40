"""What SIPp scenarios have in common: `{{name}}` in a file of tests/interop/sipp stands for one of these texts.

Headers of a request that SIPp sends: `new` outside a dialog, `dialog` inside one as the caller, `seat dialog` inside one as
the called side, `consult` in a second call that this one makes. `invited` takes the hotline's INVITE and keeps its headers
for `reply`, the head of answers to it (`reinvited`, `reply to reinvite`: the same for a later one); `reply in dialog` is
that of answers to the request that came last. `sdp` is a description with A-law and telephone-event. `call` and `hang up`
are the whole beginning and end of a plain caller's scenario, `answer` and `hung up` those of a seat. `settle` stands behind an
ACK: a 200 that came twice, as it does where SIPp was late with that, would be taken for the answer to the next request.
"""

from __future__ import annotations

import re

_SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=peer [pid][call_number] 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
"""

PARTS = {
    "prolog": """\
<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">""",
    "new": """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>""",
    "dialog": """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
[routes]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>""",
    "seat dialog": """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: <sip:[service]@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To:[$hotline]
Call-ID: [call_id]
Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>""",
    "consult": """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: <sip:[service]@[server]>;tag=[pid]c[call_number]
Call-ID: consult///[call_id]
Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>""",
    "reply": """\
Via:[$via]
From:[$hotline]
To:[$to];tag=[pid]s[call_number]
Call-ID: [call_id]
CSeq:[$cseq]
Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>""",
    "reply in dialog": """\
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>""",
    "empty": "Content-Length: 0\n",
    "sdp": _SDP + "a=sendrecv\n",
    "sdp sendonly": _SDP + "a=sendonly\n",
    "sdp inactive": _SDP + "a=inactive\n",
    "sdp 0.0.0.0": _SDP.replace("[media_ip]", "0.0.0.0") + "a=sendrecv\n",
    "trying": """\
<recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>""",
    "ack": """\
<send><![CDATA[
ACK [next_url] SIP/2.0
{{dialog}}
CSeq: 1 ACK
{{empty}}
]]></send>""",
    "call": """\
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
{{new}}
CSeq: 1 INVITE
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, INFO, UPDATE
{{sdp}}
]]></send>
  {{trying}}
  <recv response="200" rrs="true"/>
  {{ack}}
  {{settle}}""",
    "settle": """\
<pause milliseconds="200"/>""",
    "hang up": """\
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
{{dialog}}
CSeq: 90 BYE
{{empty}}
]]></send>
  <recv response="200"/>""",
    "invited": """\
<recv request="INVITE" rrs="true">
    <action>
      <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="hotline"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
      <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
      <ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
    </action>
  </recv>
  <Reference variables="via,hotline,to,cseq,contact"/>""",
    "reinvited": """\
<recv request="INVITE">
    <action>
      <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
      <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
    </action>
  </recv>""",
    "reply to reinvite": """\
Via:[$via]
From:[$hotline]
To:[$to]
Call-ID: [call_id]
CSeq:[$cseq]
Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>""",
    "ringing": """\
<send><![CDATA[
SIP/2.0 180 Ringing
{{reply}}
{{empty}}
]]></send>""",
    "answer": """\
{{invited}}
  {{ringing}}
  {{accept}}""",
    "accept": """\
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{{reply}}
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, INFO, UPDATE, REFER, NOTIFY
{{sdp}}
]]></send>
  <recv request="ACK"/>""",
    "ok": """\
<send><![CDATA[
SIP/2.0 200 OK
{{reply in dialog}}
{{empty}}
]]></send>""",
    "hung up": """\
<recv request="BYE"/>
  {{ok}}
  <timewait milliseconds="200"/>""",
    "seat hangs up": """\
<send retrans="500"><![CDATA[
BYE [$contact] SIP/2.0
{{seat dialog}}
CSeq: 90 BYE
{{empty}}
]]></send>
  <recv response="200"/>""",
}


def expand(text: str) -> str:
    """The scenario with every part in its place. KeyError for a part that isn't there."""
    while "{{" in text:
        text = re.sub(r"\{\{([^}]+)\}\}", lambda found: PARTS[found[1]].rstrip("\n"), text)
    return text
