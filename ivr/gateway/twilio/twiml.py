"""What Twilio is told to do with a call (TwiML)."""

from __future__ import annotations

from twilio.twiml.voice_response import Connect, VoiceResponse

TOKEN = "token"
"""The <Parameter> that a stream brings back; a stream's URL can't bear a query."""
MESSAGE_S = 120
SILENCE_S = 5

_VOICES = {"zh": ("cmn-CN", "Polly.Zhiyu"), "en": ("en-US", "Polly.Joanna")}
_WORDS = {
    "zh": "您好，现在暂时无法为您接通。请在提示音后留言，说完请挂机。我们会尽快给您回电。",
    "en": "We are sorry, we can't connect you right now. Please leave a message after the tone, then hang up. We will call you "
    "back.",
}
_THANKS = {"zh": "谢谢，再见。", "en": "Thank you. Goodbye."}


def connect(stream_url: str, token: str, after_url: str) -> str:
    """Have the caller's sound come as a stream. When that ends, Twilio asks at after_url what follows."""
    response = VoiceResponse()
    verb = Connect()
    verb.stream(url=stream_url).parameter(name=TOKEN, value=token)
    response.append(verb)
    response.redirect(after_url, method="POST")
    return str(response)


def voicemail(language: str, recording_url: str, done_url: str) -> str:
    """Ask for a message; Twilio tells recording_url when its file is there."""
    tongue, voice = _VOICES[language]
    response = VoiceResponse()
    response.say(_WORDS[language], language=tongue, voice=voice)
    response.record(
        action=done_url,
        method="POST",
        max_length=MESSAGE_S,
        timeout=SILENCE_S,
        play_beep=True,
        finish_on_key="#",
        recording_status_callback=recording_url,
        recording_status_callback_event="completed absent",
    )
    return str(response)


def goodbye(language: str) -> str:
    """After a message."""
    tongue, voice = _VOICES[language]
    response = VoiceResponse()
    response.say(_THANKS[language], language=tongue, voice=voice)
    response.hangup()
    return str(response)


def hang_up() -> str:
    """End the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def reject(reason: str) -> str:
    """Refuse a call before the answer, which costs nothing: "rejected" or "busy"."""
    response = VoiceResponse()
    response.reject(reason=reason)
    return str(response)
