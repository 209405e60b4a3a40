"""Calls that come over the web, for the engine those of one more SIP trunk on loopback. READ THIS FIRST of ivr/gateway.

    outside party ══ Stream ══▶ Bridge ══▶ Line (SIP), Sound (RTP) ══▶ engine and media, which know of SIP and RTP alone

A call is a Bridge (pure: what may follow what) between two sides. The outside side is a Stream: sound in frames of µ-law, keys,
a way to throw away what was not heard yet, and an end. Twilio's Media Streams are one (twilio/stream.py); a browser's WebSocket
will be another. The inside is a leg of an own SIP user agent on loopback, with an own pair of RTP ports. So menus, queues,
seats, recording and the going on after an engine's death exist once, in the engine.

    bridge.py      the call's machine                      line.py     [io] the user agent towards the engine
    ahead.py       how much sound is under way outside     sound.py    [io] the pair of RTP ports
    inward.py      frames and keys → RTP packets           call.py     [io] one call: its bridge, and who does what it wants
    outward.py     RTP packets → frames, keys as tones
    stream.py      what an outside side has to be          memory.py   [io] which dialogs to end after our own death
    web.py         [io] HTTP and WebSockets on one port    process.py  [io] `hotline gateway`: the parts are wired
    twilio/        all that is Twilio's: messages, TwiML, webhooks (Flask), signatures, REST, tokens, voicemail, check

Nothing of a call outlives this process: its stream dies with it. When it hangs it is killed (ivr/watchdog.py). The engine
sees its death (ivr/lifesign.py), cuts the calls off, owes each caller a return call, and sends nothing until another one lives.
Where the engine was away too, the next gateway ends the dialogs with cause 38 (network out of order), which comes to the same;
then it takes the callers, whom Twilio sends back, anew.
"""
