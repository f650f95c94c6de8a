// What a telephone hears, read from the file that it records into, while the call goes on.

import { until } from './wait.mjs';
import { amplitude, track } from './tone.mjs';
import { format, readSamples, sampleCount } from './wav.mjs';

/** The telephones say sines of 6000: half of it is clearly there, a thirtieth clearly not. */
const HEARD = 3000;
const NOT_HEARD = 200;
/** How long a state of things must last to be believed. */
const SETTLED_MS = 600;

export class Recording {
  constructor(path) {
    this.path = path;
    ({ rateHz: this.rateHz, channels: this.channels } = format(path));
  }

  /** A place in the recording: now. */
  mark() {
    return sampleCount(this.path, this.channels);
  }

  /** The samples from a mark on. */
  since(mark) {
    return readSamples(this.path, mark, this.channels);
  }

  /** Waits until `ms` more have been recorded, and returns them. */
  async next(ms) {
    const mark = this.mark();
    const wanted = Math.round((this.rateHz * ms) / 1000);
    const enough = () => this.mark() - mark >= wanted;
    await until(`${ms} ms of sound in ${this.path}`, enough, { withinMs: ms + 10_000 });
    return this.since(mark).subarray(0, wanted);
  }

  /** The amplitudes of `tonesHz` over the last `ms`. */
  #last(tonesHz, mark, ms = SETTLED_MS) {
    const size = Math.round((this.rateHz * ms) / 1000);
    const end = this.mark();
    if (end - mark < size) return undefined;
    const last = this.since(end - size).subarray(0, size);
    return tonesHz.map((hz) => Math.round(amplitude(last, hz, this.rateHz)));
  }

  /**
   * Waits for 600 ms, recorded from now on, in which each tone of `heard` is heard and none of `notHeard`.
   * Before it there may be prompts, chimes or the end of something.
   */
  async hears({ heard = [], notHeard = [] }, withinMs = 15_000) {
    const mark = this.mark();
    let levels;
    const settled = () => {
      levels = this.#last([...heard, ...notHeard], mark);
      return (
        levels?.slice(0, heard.length).every((level) => level > HEARD) &&
        levels.slice(heard.length).every((level) => level < NOT_HEARD)
      );
    };
    const what = () =>
      `${this.path} to hold ${heard.join(', ') || 'nothing'} Hz and not ${notHeard.join(', ') || 'anything'} Hz; ` +
      `last levels ${levels} (heard over ${HEARD}, not heard under ${NOT_HEARD})`;
    await until(what, settled, { withinMs });
  }
}

/**
 * How well a tone that was there all the time came through: the longest gap in ms, and the share (0 to 1) of 20 ms
 * windows in which it is clearly heard.
 */
export function continuity(samples, hz, rateHz) {
  const windows = track(samples, hz, rateHz, 20).map((level) => level > HEARD);
  let [gap, longest] = [0, 0];
  for (const heard of windows) {
    gap = heard ? 0 : gap + 20;
    longest = Math.max(longest, gap);
  }
  return { gapMs: longest, share: windows.filter(Boolean).length / windows.length };
}

/** The strongest that `hz` gets in any 200 ms of `samples`. */
export function strongest(samples, hz, rateHz) {
  return Math.round(Math.max(...track(samples, hz, rateHz, 200)));
}

export { HEARD, NOT_HEARD };
