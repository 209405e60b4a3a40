"""A voice in a mix through jitter and loss: nothing missing when packets only jitter, no holes and no clicks when some are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.g711 import encode
from ivr.media.jitter import CAPACITY, CONCEALED_BLOCKS, MAX_LAG, Jitter
from tests.ivr.media.rig import power, snr_db, tone

HZ = 200


def play(
    arrivals: Iterable[tuple[int, int]], packets: int, *, samples: npt.NDArray[np.int16] | None = None, count: int = 160
) -> npt.NDArray[np.int16]:
    """What a listener hears who reads 20 ms at a time: `arrivals` are (now, packet number), the voice a tone."""
    voice = encode("PCMA", tone(HZ, packets * 0.02, 0.3) if samples is None else samples)
    jitter = Jitter(0)
    heard = []
    waiting = sorted(arrivals)
    for clock in range(0, packets * 160 + 4000, count):
        while waiting and waiting[0][0] <= clock:
            now, number = waiting.pop(0)
            jitter.place((2**32 - 500 + number * 160) & 0xFFFFFFFF, voice[number * 160 : number * 160 + 160], now)
        heard.append(jitter.read(clock, count))
    return np.concatenate(heard)


def on_time(packets: int, late: Callable[[int], int] = lambda _: 0) -> list[tuple[int, int]]:
    return [((number + 1) * 160 + late(number), number) for number in range(packets)]


def test_a_steady_voice_is_heard_whole_and_soon() -> None:
    heard = play(on_time(200), 200)
    assert snr_db(heard[8000:31000], HZ) > 30
    first = int(np.argmax(np.abs(heard) > 3000))
    assert first <= 160 + 480 + 40


@pytest.mark.parametrize("count", [80, 240, 480])
def test_listeners_of_any_packet_length_hear_the_same(count: int) -> None:
    assert snr_db(play(on_time(200), 200, count=count)[8000:31000], HZ) > 30


def test_the_lag_follows_the_jitter_and_goes_back() -> None:
    """For 4 s packets come up to 120 ms late, then they come in time; the voice pauses now and then."""
    rough = np.random.default_rng(1).integers(0, 960, 1000)
    voice = tone(HZ, 20, 0.3)
    for pause in range(6400, len(voice), 8000):
        voice[pause : pause + 1600] = 0
    jitter, lags, holes = Jitter(0), [], 0
    sound = encode("PCMA", voice)
    waiting = sorted(on_time(1000, lambda number: int(rough[number]) if 200 <= number < 400 else 0))
    for clock in range(0, 160 * 1000, 160):
        while waiting and waiting[0][0] <= clock:
            now, number = waiting.pop(0)
            jitter.place(number * 160, sound[number * 160 : number * 160 + 160], now)
        jitter.read(clock, 160)
        holes += jitter._concealed > 0 and 300 * 160 < clock < 400 * 160
        lags.append(jitter._lag)
    assert max(lags[300:400]) - min(lags[100:200]) >= 700
    assert lags[-1] <= lags[150] + 240
    assert holes <= 12  # of a hundred, once it knows the jitter
    assert max(lags) - min(lags) <= MAX_LAG


@pytest.mark.parametrize(
    "lost",
    [
        {100, 130, 160},  # single ones
        {100, 101, 140, 141},  # two in a row
        set(range(50, 250, 10)),  # one in ten
        set(np.flatnonzero(np.random.default_rng(2).random(300) < 0.05)) - {0, 1, 2},  # at random
    ],
)
def test_losses_are_concealed_without_holes(lost: set[int]) -> None:
    heard = play([each for each in on_time(300) if each[1] not in lost], 300)
    voiced = heard[8000:46000]
    assert power(voiced, HZ) > 0.97
    loudness = np.array([np.abs(voiced[at : at + 80]).max() for at in range(0, len(voiced) - 80, 80)])
    assert loudness.min() > 2000
    steps = np.abs(np.diff(voiced.astype(int)))
    assert steps.max() < 3 * 9830 * 2 * np.pi * HZ / 8000  # no click: no step far beyond those of the tone itself


def test_what_is_lost_for_long_fades_to_silence_and_comes_back() -> None:
    heard = play([each for each in on_time(300) if not 100 <= each[1] < 150], 300)
    quiet = np.flatnonzero(np.convolve(np.abs(heard[8000:40000]) < 20, np.ones(400), "valid") == 400)
    assert len(quiet) > 0
    assert quiet[0] + 8000 < 100 * 160 + 800 + CONCEALED_BLOCKS * 80
    assert snr_db(heard[-16000 - 4000 : -5000], HZ) > 25


def test_reordered_and_doubled_packets_are_heard_once_in_order() -> None:
    arrivals = on_time(200, lambda number: 200 if number % 7 == 0 else 0)
    heard = play(arrivals + [(now + 40, number) for now, number in arrivals[::3]], 200)
    assert snr_db(heard[8000:31000], HZ) > 25


def test_comfort_noise_is_heard_while_the_source_is_silent() -> None:
    jitter = Jitter(0)
    jitter.place(0, encode("PCMA", tone(HZ, 0.02)), 160)
    jitter.noise(40)
    heard = np.concatenate([jitter.read(clock, 160) for clock in range(160, 8160, 160)])
    level = np.sqrt(np.mean(heard[4000:].astype(float) ** 2))
    assert 20 * np.log10(level / 32768) == pytest.approx(-40, abs=1.5)
    jitter.place(8160, encode("PCMA", tone(HZ, 0.02)), 8320)
    heard = np.concatenate([jitter.read(clock, 160) for clock in range(8320, 16320, 160)])
    assert np.abs(heard[-4000:]).max() == 0


def test_a_listener_that_comes_late_or_asks_for_the_past_gets_silence() -> None:
    jitter = Jitter(0)
    jitter.place(0, encode("PCMA", tone(HZ, 0.02)), 160)
    assert not jitter.read(100_000, 160).any()
    assert not jitter.read(10, 160).any()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1) | st.integers(0, 40000),
            st.integers(1, 1600),
            st.integers(0, 4000),
            st.sampled_from("prn"),
        )
    )
)
def test_whatever_comes_nothing_is_raised_and_nothing_grows(packets: list[tuple[int, int, int, str]]) -> None:
    jitter = Jitter(0)
    now = 0
    for timestamp, count, later, kind in packets:
        now += later
        jitter.place(timestamp, bytes(count), now)
        if kind == "n":
            jitter.noise(count % 128)
        elif kind == "r":
            jitter.restart()
        assert len(jitter.read(now // 40 * 40, 160)) == 160
        assert len(jitter._sound) == len(jitter._known) == CAPACITY
