#!/usr/bin/env python3
"""Speaks phrases.toml and demo.toml into FLAC files beside this script.

    python3 -m venv /tmp/voices
    /tmp/voices/bin/pip install py-nanotts==0.1.1 numpy soundfile
    /tmp/voices/bin/python server/prompts/make.py          # makes all files, then checks them
    /tmp/voices/bin/python server/prompts/make.py --check  # checks the files that are there

The voice is SVOX Pico (Apache-2.0, by way of py-nanotts). The FLAC files are committed: neither a build nor
a server needs this script. It exits with 1 if a file breaks one of the rules below.
"""

import sys
import tomllib
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parent
VOICES = {"fr": "fr-FR", "en": "en-GB"}

RATE_HZ = 16_000  # what Pico speaks
SYNTHESIS_VOLUME = 0.35  # at its default volume Pico clips
LEVEL_DBFS = -20.0  # RMS over active speech: a telephone voice as loud as the callers'
PEAK_CEILING_DBFS = -3.0
ACTIVE_BELOW_LOUDEST_DB = 35.0  # 10 ms blocks quieter than this under the loudest are pauses
MARGIN_MS = 30  # silence kept at both ends
FADE_MS = 5  # no click where the margin was cut
DEMO_MIN_S, DEMO_MAX_S = 2.0, 4.0
BLOCK = RATE_HZ // 100


def decibels(ratio):
    return 20 * np.log10(np.maximum(ratio, 1e-9))


def active_blocks(sound):
    """Which 10 ms blocks hold speech, and the RMS of each block."""
    count = len(sound) // BLOCK
    rms = np.sqrt(np.mean(sound[: count * BLOCK].reshape(count, BLOCK) ** 2, axis=1))
    return decibels(rms) > decibels(rms.max()) - ACTIVE_BELOW_LOUDEST_DB, rms


def level_dbfs(sound):
    """RMS over the active blocks; 0 dBFS is a full-scale square wave."""
    active, rms = active_blocks(sound)
    return float(decibels(np.sqrt(np.mean(rms[active] ** 2))))


def trim(sound):
    active = np.flatnonzero(active_blocks(sound)[0])
    margin = MARGIN_MS * RATE_HZ // 1000
    # Speech that starts at once gets its margin too, so pad before cutting.
    padded = np.pad(sound, margin)
    start, end = active[0] * BLOCK, (active[-1] + 1) * BLOCK + 2 * margin
    cut = padded[start:end].copy()
    fade = FADE_MS * RATE_HZ // 1000
    ramp = np.linspace(0.0, 1.0, fade)
    cut[:fade] *= ramp
    cut[-fade:] *= ramp[::-1]
    return cut


def level(sound):
    return sound * 10 ** ((LEVEL_DBFS - level_dbfs(sound)) / 20)


def speak(path, text, voice, pitch=None, speed=None):
    from py_nanotts import NanoTTS

    pcm = NanoTTS().speak(text, voice=voice, pitch=pitch, speed=speed, volume=SYNTHESIS_VOLUME)
    sound = np.frombuffer(pcm, dtype="<i2") / 32768.0
    if np.abs(sound).max() >= 32767 / 32768:
        sys.exit(f"{path.name}: Pico clipped; lower SYNTHESIS_VOLUME")
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, level(trim(sound)), RATE_HZ, format="FLAC", subtype="PCM_16")


def check(path, min_s, max_s):
    """Prints what is measured in the file; returns whether it keeps the rules."""
    sound, rate = soundfile.read(path, always_2d=True)
    seconds, mono = len(sound) / rate, sound[:, 0]
    rms, peak = level_dbfs(mono), float(decibels(np.abs(mono).max()))
    good = (
        rate == RATE_HZ
        and sound.shape[1] == 1
        and min_s <= seconds <= max_s
        and abs(rms - LEVEL_DBFS) < 0.5
        and peak < PEAK_CEILING_DBFS
    )
    name = path.relative_to(HERE)
    print(f"{name!s:22} {seconds:5.2f} s  {rms:6.1f} dBFS  peak {peak:5.1f} dBFS  {'ok' if good else 'WRONG'}")
    return good


def main():
    phrases = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))
    demo = tomllib.loads((HERE / "demo.toml").read_text(encoding="utf-8"))
    files = []  # path, text, how to speak it, shortest, longest
    for stem, phrase in phrases.items():
        for language, voice in VOICES.items():
            text = phrase.get("spoken", {}).get(language, phrase[language])
            files.append((HERE / language / f"{stem}.flac", text, {"voice": voice}, 0.3, phrase["max_s"]))
    for number, speaker in demo.items():
        how = {"voice": VOICES["fr"], "pitch": speaker["pitch"], "speed": speaker["speed"]}
        for line in ("a", "b"):
            files.append((HERE / "demo" / f"{number}-{line}.flac", speaker[line], how, DEMO_MIN_S, DEMO_MAX_S))
    if "--check" not in sys.argv[1:]:
        for path, text, how, _, _ in files:
            speak(path, text, **how)
    good = [check(path, shortest, longest) for path, _, _, shortest, longest in files]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
