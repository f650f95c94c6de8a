#!/usr/bin/env python3
"""Makes a folder for `conference serve --prompts-dir` of the recordings in Debian's asterisk-core-sounds-*-g722.

    apt-get install ffmpeg asterisk-core-sounds-fr-g722
    python3 server/prompts/asterisk.py fr prompts              # whole sentences
    python3 server/prompts/asterisk.py fr prompts --numbers    # numbers and "there are … participants" too
    conference check --prompts-dir prompts

The languages are en, fr, es, it and ru; there is no German. What no recording fits stays as it is built in, so a
caller hears two voices. With --numbers also within a sentence: "the conference ends in" was never recorded.
Russian numbers are left out: they would need genders and cases that were not recorded.

The recordings are under CC-BY-SA 3.0; the package's copyright file names who spoke. It is copied beside them.
"""

import array
import math
import shutil
import subprocess
import sys
import wave
from pathlib import Path

SOUNDS = Path("/usr/share/asterisk/sounds")
SPEAKERS = {
    "en": "en_US_f_Allison",
    "fr": "fr_CA_f_June",
    "es": "es_MX_f_Allison",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
RATE_HZ = 16_000
LEVEL_DBFS = -20.0
PEAK_DBFS = -3.0
PAUSE_S = 0.15  # between two recordings in one phrase
BLOCK = RATE_HZ // 100
SILENT_BELOW_LOUDEST, QUIET_BELOW_LOUDEST = 10 ** (-35 / 20), 10 ** (-25 / 20)
MARGIN = 3 * BLOCK

# Our phrase, and what is said for it, one after the other; what follows the first is left out where it was not recorded.
PHRASES = {
    "enter-room": ["conf-getconfno"],
    "unknown-room": ["conf-invalid"],
    "enter-pin": ["conf-getpin"],
    "wrong-pin": ["conf-invalidpin"],
    "no-more-tries": ["conf-invalidpin", "vm-goodbye"],
    "goodbye": ["vm-goodbye"],
    "locked": ["conf-locked", "please-try-call-later"],
    "full": ["conf-full", "please-try-call-later"],
    "waiting": ["conf-waitforleader"],
    "alone": ["conf-onlyperson"],
    "hold-on": ["one-moment-please"],
    "recorded": ["conf-now-recording"],
    "muted": ["conf-muted"],
    "unmuted": ["conf-unmuted"],
    "expelled": ["conf-kicked", "vm-goodbye"],
    "announcement-saved": ["vm-msgsaved"],
}

COUNTING = {
    "there-are": ["confbridge-there-are"],
    "participants-many": ["confbridge-participants"],
    "minutes-one": ["minute"],
    "minutes-many": ["minutes"],
}


def tens_and_units(language, n):
    """The recordings of 0 to 99, as the language puts them together."""
    tens, units = n // 10 * 10, n % 10
    match language:
        case "fr" if tens in (70, 90) and n not in (70, 90):
            return [tens - 10, *(["et"] if n == 71 else []), units + 10]
        case "fr" if units == 1 and 20 < n < 80:
            return [tens, "et", 1]
        case "es" if units == 1 and n != 11:
            return {1: ["1M"], 21: ["20-and", "1M"]}.get(n, [tens, "and", "1M"])
        case "es" if n > 30 and units:
            return [tens, "and", units]
        case "it" if units in (1, 8) and n > 20:
            return [n]
        case "es" if n < 30:
            return [n]
    return [n] if n <= 20 or not units else [tens, units]


def numbers(language):
    """Our numbers' names and the recordings for them."""
    digits = lambda names: [f"digits/{name}" for name in names]
    for n in range(100):
        yield f"number-{n}", digits(tens_and_units(language, n))
    if language in ("en", "fr", "it"):
        for n in range(1, 10):
            one = [] if n == 1 and language != "en" else [n]
            yield f"number-{n * 100}", digits([*one, "hundred"])


def recorded(path):
    pcm = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(path), "-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return trim(array.array("h", pcm))


def blocks(samples):
    """The RMS of each 10 ms."""
    starts = range(0, len(samples) - BLOCK + 1, BLOCK)
    return [math.sqrt(sum(s * s for s in samples[start : start + BLOCK]) / BLOCK) for start in starts]


def trim(samples):
    rms = blocks(samples)
    loud = [i for i, level in enumerate(rms) if level > max(rms) * SILENT_BELOW_LOUDEST]
    return samples[max(0, loud[0] * BLOCK - MARGIN) : (loud[-1] + 1) * BLOCK + MARGIN]


def levelled(samples):
    """At `LEVEL_DBFS` where it speaks, but no peak above `PEAK_DBFS`."""
    rms = blocks(samples)
    active = [level for level in rms if level > max(rms) * QUIET_BELOW_LOUDEST]
    level = math.sqrt(sum(level * level for level in active) / len(active))
    gain = 32_768 * 10 ** (LEVEL_DBFS / 20) / level
    gain = min(gain, 32_768 * 10 ** (PEAK_DBFS / 20) / max(abs(s) for s in samples))
    return array.array("h", (round(s * gain) for s in samples))


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--numbers"]
    if len(arguments) != 2 or arguments[0] not in SPEAKERS:
        sys.exit(__doc__)
    language, out = arguments[0], Path(arguments[1]) / arguments[0]
    source = SOUNDS / SPEAKERS[language]
    if not source.is_dir():
        sys.exit(f"{source} is not there: apt-get install asterisk-core-sounds-{language}-g722")
    wanted = dict(PHRASES)
    if "--numbers" in sys.argv[1:] and language != "ru":
        wanted |= COUNTING | dict(numbers(language))
    out.mkdir(parents=True, exist_ok=True)
    made, pause = 0, array.array("h", bytes(2 * round(PAUSE_S * RATE_HZ)))
    for name, parts in wanted.items():
        files = [source / f"{part}.g722" for part in parts]
        if name in PHRASES:
            files = [file for file in files if file == files[0] or file.exists()]
        if absent := [file.name for file in files if not file.exists()]:
            print(f"{name}: no recording of {', '.join(absent)}")
            continue
        samples = array.array("h")
        for number, file in enumerate(files):
            # Parts of a number follow each other at once.
            samples += (pause if number and not name.startswith("number-") else array.array("h")) + recorded(file)
        write(out / f"{name}.wav", levelled(samples))
        made += 1
    copyright = Path(f"/usr/share/doc/asterisk-core-sounds-{language}-g722/copyright")
    if copyright.exists():
        shutil.copy(copyright, out / "copyright.txt")
    print(f"{made} phrases in {out}")


if __name__ == "__main__":
    main()
