// Who hears whom.

import assert from 'node:assert/strict';
import { continuity, NOT_HEARD, strongest } from './recording.mjs';

/** Each `phone` of `hearings` hears its tones of `heard`, all at once and without a gap, and none of `notHeard`. */
export async function assertHearing(t, hearings) {
  for (const { phone, heard, notHeard } of hearings) await phone.recording.hears({ heard, notHeard });
  const recorded = await Promise.all(hearings.map(({ phone }) => phone.recording.next(2000)));
  for (const [i, { phone, heard, notHeard }] of hearings.entries()) {
    const { rateHz } = phone.recording;
    const level = (hz) => strongest(recorded[i], hz, rateHz);
    const levels = (tonesHz) => tonesHz.map((hz) => `${hz} Hz at ${level(hz)}`).join(', ');
    t.diagnostic(`${phone.number} hears ${levels(heard)}; and not ${levels(notHeard)}`);
    for (const hz of notHeard) assert.ok(level(hz) < NOT_HEARD, `${phone.number} hears ${hz} Hz: ${level(hz)}`);
    for (const hz of heard) {
      const { gapMs, share } = continuity(recorded[i], hz, rateHz);
      assert.ok(gapMs <= 40 && share > 0.97, `${phone.number} hears ${hz} Hz in ${share}, with a gap of ${gapMs} ms`);
    }
  }
}
