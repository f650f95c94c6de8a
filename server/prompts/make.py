#!/usr/bin/env python3
"""Speaks phrases.toml, numbers.toml and demo.toml, and stores them with sounds.py's as sound files beside this script.

    apt-get install festival festvox-ru opus-tools
    python3 -m venv /tmp/voices
    /tmp/voices/bin/pip install py-nanotts==0.1.1 numpy soundfile
    /tmp/voices/bin/python server/prompts/make.py                # makes all files, then checks them
    /tmp/voices/bin/python server/prompts/make.py 'fr/welcome'   # only the files that match, by shell pattern
    /tmp/voices/bin/python server/prompts/make.py --check        # checks the files that are there

README.md tells which voices these are. The files are committed: neither a build nor a server needs this script.
It exits with 1 if a file breaks one of the rules below.
"""

import fnmatch
import io
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sounds import SOUNDS

HERE = Path(__file__).resolve().parent
PICO_VOICES = {"fr": "fr-FR", "en": "en-GB", "de": "de-DE", "es": "es-ES", "it": "it-IT"}
FESTIVAL_VOICES = {"ru": "voice_msu_ru_nsh_clunits"}
LANGUAGES = (*PICO_VOICES, *FESTIVAL_VOICES)

RATE_HZ = 16_000  # what all the voices speak
SYNTHESIS_VOLUME = 0.35  # at its default volume Pico clips
LEVEL_DBFS = -20.0  # RMS over active speech: a telephone voice as loud as the callers'
LEVEL_WITHIN_DB = 1.0  # after Opus
PEAK_CEILING_DBFS = -3.0
LIMIT_DBFS = -4.5  # where the loudest syllables are held, so that Opus stays below the ceiling
LIMIT_BLOCK = RATE_HZ // 400  # 2.5 ms
SOUND_BELOW_LOUDEST_DB = 35.0  # 10 ms blocks quieter than this under the loudest are silence
SPEECH_BELOW_LOUDEST_DB = 25.0  # and quieter than this, they do not count for the level
PAUSE_MS, BREATH_BELOW_LOUDEST_DB = 200, 25.0
MARGIN_MS = 30  # silence kept at both ends
FADE_MS = 5  # no click where the margin was cut
SPEECH_S = (0.2, 15.0)
MUSIC_S = (20.0, 30.0)
BLOCK = RATE_HZ // 100
VOICE_KBPS, MUSIC_KBPS = 24, 40


@dataclass
class Clip:
    """A file to make: what is in it, and how long it may be."""

    path: Path
    text: str | None = None  # spoken, unless it is one of `SOUNDS`
    language: str = ""
    pitch: float | None = None
    speed: float | None = None
    seconds: tuple = SPEECH_S

    @property
    def name(self):
        return str(self.path.relative_to(HERE).with_suffix(""))


def decibels(ratio):
    return 20 * np.log10(np.maximum(ratio, 1e-9))


def active_blocks(sound, below_loudest_db):
    """Which 10 ms blocks are loud enough, and the RMS of each block."""
    count = len(sound) // BLOCK
    rms = np.sqrt(np.mean(sound[: count * BLOCK].reshape(count, BLOCK) ** 2, axis=1))
    return decibels(rms) > decibels(rms.max()) - below_loudest_db, rms


def level_dbfs(sound):
    """The active speech level: RMS over what is speech; 0 dBFS is a full-scale square wave."""
    active, rms = active_blocks(sound, SPEECH_BELOW_LOUDEST_DB)
    return float(decibels(np.sqrt(np.mean(rms[active] ** 2))))


def without_breath(active, rms):
    """Pico's Italian voice breathes after a sentence: what is that quiet, and after a pause, is no speech."""
    after_pauses = np.flatnonzero(np.diff(active) * 10 >= PAUSE_MS) + 1
    for start in after_pauses[::-1]:
        if decibels(rms[active[start:]].max()) > decibels(rms.max()) - BREATH_BELOW_LOUDEST_DB:
            break
        active = active[:start]
    return active


def trim(sound):
    is_active, rms = active_blocks(sound, SOUND_BELOW_LOUDEST_DB)
    active = without_breath(np.flatnonzero(is_active), rms)
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


def limit(sound):
    """Turns down, smoothly, the few milliseconds that would go above `LIMIT_DBFS`."""
    blocks = -(-len(sound) // LIMIT_BLOCK)
    padded = np.pad(sound, (0, blocks * LIMIT_BLOCK - len(sound)))
    peaks = np.abs(padded).reshape(blocks, LIMIT_BLOCK).max(axis=1)
    gains = np.minimum(1.0, 10 ** (LIMIT_DBFS / 20) / np.maximum(peaks, 1e-9))
    # A block takes its neighbours' gain too, so that the line between the middles never cuts a peak.
    held = np.pad(gains, 1, mode="edge")
    gains = np.minimum(np.minimum(held[:-2], held[1:-1]), held[2:])
    middles = (np.arange(blocks) + 0.5) * LIMIT_BLOCK
    return sound * np.interp(np.arange(len(sound)), middles, gains)


def level(sound):
    # What the limiter takes is given back by the next round.
    for _ in range(4):
        sound = limit(sound * 10 ** ((LEVEL_DBFS - level_dbfs(sound)) / 20))
    return sound


def pico(clip):
    from py_nanotts import NanoTTS

    voice = PICO_VOICES[clip.language]
    pcm = NanoTTS().speak(clip.text, voice=voice, pitch=clip.pitch, speed=clip.speed, volume=SYNTHESIS_VOLUME)
    sound = np.frombuffer(pcm, dtype="<i2") / 32768.0
    if np.abs(sound).max() >= 32767 / 32768:
        sys.exit(f"{clip.name}: Pico clipped; lower SYNTHESIS_VOLUME")
    return sound


def festival(clips):
    """Sounds of many clips by one festival, which takes a second to start."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"({FESTIVAL_VOICES[clips[0].language]})"]
        files = [Path(folder) / f"{number}.wav" for number in range(len(clips))]
        for clip, file in zip(clips, files):
            lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{clip.text}")) "{file}" \'riff)')
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines), encoding="utf-8")
        subprocess.run(["festival", "-b", str(script)], check=True)
        sounds = [soundfile.read(file) for file in files]
    assert all(rate == RATE_HZ for _, rate in sounds)
    return [sound for sound, _ in sounds]


def store(clip, sound):
    clip.path.parent.mkdir(exist_ok=True)
    # Opus fills the quiet parts of a short word, so that more of it counts: what it adds is taken off again.
    for _ in range(3):
        encode(clip, sound)
        error_db = level_dbfs(read(clip.path)) - LEVEL_DBFS
        if abs(error_db) < 0.3:
            break
        sound = limit(sound * 10 ** (-error_db / 20))


def encode(clip, sound):
    wav = io.BytesIO()
    soundfile.write(wav, sound, RATE_HZ, format="WAV", subtype="PCM_16")
    # The same serial number and no padding: the same sound makes the same file.
    kbps, kind = (MUSIC_KBPS, "--music") if clip.text is None else (VOICE_KBPS, "--speech")
    options = ["--quiet", "--bitrate", str(kbps), kind, "--serial", "1", "--padding", "0", "--discard-comments"]
    subprocess.run(["opusenc", *options, "-", str(clip.path)], input=wav.getvalue(), check=True)


def make(clips):
    by_festival = [clip for clip in clips if clip.text is not None and clip.language in FESTIVAL_VOICES]
    spoken = dict(zip((clip.name for clip in by_festival), festival(by_festival) if by_festival else ()))
    for clip in clips:
        if clip.text is None:
            sound = SOUNDS[clip.path.stem]
        else:
            sound = trim(spoken[clip.name] if clip.name in spoken else pico(clip))
        store(clip, level(sound))


def read(path):
    """Samples at `RATE_HZ`."""
    decoded = subprocess.run(["opusdec", "--quiet", "--rate", str(RATE_HZ), path, "-"], capture_output=True, check=True)
    # A WAV on a pipe has no length in its head: 44 bytes, then samples.
    return np.frombuffer(decoded.stdout[44:], dtype="<i2") / 32768.0


def check(clip):
    """Prints what is measured in the file; returns whether it keeps the rules."""
    sound = read(clip.path)
    seconds = len(sound) / RATE_HZ
    rms, peak = level_dbfs(sound), float(decibels(np.abs(sound).max()))
    shortest, longest = clip.seconds
    good = (
        shortest <= seconds <= longest
        and abs(rms - LEVEL_DBFS) < LEVEL_WITHIN_DB
        and peak < PEAK_CEILING_DBFS
    )
    print(f"{clip.name:28} {seconds:5.2f} s  {rms:6.1f} dBFS  peak {peak:5.1f} dBFS  {'ok' if good else 'WRONG'}")
    return good


def voiced(text):
    """What does not end a sentence is spoken as if it went on."""
    return text if text.endswith((".", "?", "!")) else text.rstrip(",") + ","


def numbers(language, table):
    """Stems and texts of a language's numbers, and of its places among the participants."""
    spoken = table.get("spoken", {})
    for n, text in enumerate(table["below_100"]):
        yield f"number-{n}", spoken.get(str(n), text)
    for n, text in table.get("minutes", {}).items():
        yield f"number-{n}-minutes", text
    for key, ending, unit in (
        ("hundreds", "", 100),
        ("hundreds_and", "-and", 100),
        ("thousands", "", 1_000),
        ("thousands_and", "-and", 1_000),
    ):
        for count, text in enumerate(table.get(key, ()), 1):
            yield f"number-{count * unit}{ending}", text
    for n, text in enumerate(table["ordinals"], 2):
        yield f"participant-{n}", table["participant"].format(text)


def all_clips():
    table = lambda name: tomllib.loads((HERE / name).read_text(encoding="utf-8"))
    clips = []
    for stem, phrase in table("phrases.toml").items():
        for language in LANGUAGES:
            if text := phrase.get("spoken", {}).get(language, phrase.get(language)):
                clips.append(Clip(HERE / language / f"{stem}.opus", voiced(text), language))
    for language, words in table("numbers.toml").items():
        for stem, text in numbers(language, words):
            clips.append(Clip(HERE / language / f"{stem}.opus", voiced(text), language))
    for stem in SOUNDS:
        seconds = MUSIC_S if stem == "hold-music" else SPEECH_S
        clips.append(Clip(HERE / "sounds" / f"{stem}.opus", seconds=seconds))
    for number, speaker in table("demo.toml").items():
        for line in ("a", "b"):
            path = HERE / "demo" / f"{number}-{line}.opus"
            clips.append(Clip(path, speaker[line], "fr", speaker["pitch"], speaker["speed"], (2.0, 4.0)))
    return clips


def main():
    arguments = sys.argv[1:]
    patterns = [argument for argument in arguments if argument != "--check"] or ["*"]
    clips = [clip for clip in all_clips() if any(fnmatch.fnmatch(clip.name, pattern) for pattern in patterns)]
    if "--check" not in arguments:
        make(clips)
    good = [check(clip) for clip in clips]
    print(f"{len(good)} files, {sum(clip.path.stat().st_size for clip in clips) / 1e6:.1f} MB")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
