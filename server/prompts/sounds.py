"""The sounds that are no speech: chimes, tones and the music on hold, made of sines by this file alone.

Each function returns samples from -1 to 1 at `RATE_HZ`; `make.py` levels and stores them.
"""

import numpy as np

RATE_HZ = 16_000


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ))


def tone(hz, seconds, ramp_s=0.01):
    """A plain sine that neither begins nor ends with a click."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / ramp_s)
    return np.sin(2 * np.pi * hz * time) * ramp


def struck(hz, seconds, decay_s, attack_s=0.004):
    """A note as of a soft bell: three partials, of which the higher ones die sooner."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    partials = ((1.0, 1.0, 1.0), (2.0, 0.25, 0.5), (3.0, 0.08, 0.3))  # of the frequency, the level, the decay
    note = sum(
        level * np.sin(2 * np.pi * hz * ratio * time) * np.exp(-time / (decay_s * decay))
        for ratio, level, decay in partials
    )
    return note * np.minimum(1.0, time / attack_s) * np.minimum(1.0, time[::-1] / 0.02)


def chime(first_hz, second_hz):
    return np.concatenate([struck(first_hz, 0.14, 0.09), struck(second_hz, 0.32, 0.11)])


def pitch_hz(semitones_from_a4):
    return 440.0 * 2 ** (semitones_from_a4 / 12)


# Four bars of four notes and a melody note, in semitones from A4, twice with another last bar. All of it lies above
# 300 Hz, where telephones begin to hear.
HOLD_BARS = (
    ((-5, -1, 3, 7), 10),  # E minor seventh, as the upper part of C
    ((-3, 0, 4, 7), 12),
    ((-4, 0, 3, 8), 8),
    ((-2, 2, 5, 9), 5),
    ((-5, -1, 3, 7), 10),
    ((-3, 0, 4, 7), 7),
    ((-4, 0, 3, 8), 3),
    ((-5, -2, 2, 5), 2),
)
HOLD_BAR_S = 3.0


def hold_music():
    """24 seconds that end in quiet, so that they can be played again and again."""
    bar = round(HOLD_BAR_S * RATE_HZ)
    music = silence(HOLD_BAR_S * len(HOLD_BARS))
    for number, (chord, melody) in enumerate(HOLD_BARS):
        events = [(beat * HOLD_BAR_S / 6, note, 0.5) for beat, note in enumerate(chord)]
        events.append((HOLD_BAR_S / 3, melody, 0.35))
        events.append((HOLD_BAR_S * 5 / 6, chord[2], 0.3))
        for at_s, note, loudness in events:
            start = number * bar + round(at_s * RATE_HZ)
            sound = loudness * struck(pitch_hz(note), 2.8, 0.9, attack_s=0.02)
            sound = sound[: len(music) - start]
            music[start : start + len(sound)] += sound
    fade = RATE_HZ
    music[-fade:] *= np.linspace(1.0, 0.0, fade)
    return music


SOUNDS = {
    "enter-chime": chime(659.26, 880.0),
    "leave-chime": chime(880.0, 659.26),
    "tone": tone(1_000.0, 0.4),
    "line-end": np.concatenate([tone(440.0, 0.25), silence(0.25), tone(440.0, 0.25), silence(0.25), tone(440.0, 0.25)]),
    "hold-music": hold_music(),
}
