// Keys as they sound: two sines each (ITU-T Q.23), made by sox.

import { run } from './process.mjs';

const ROWS_HZ = [697, 770, 852, 941];
const COLUMNS_HZ = [1209, 1336, 1477];
const KEYPAD = ['123', '456', '789', '*0#'];
const TONE_SECONDS = 0.1;
const PAUSE_SECONDS = 0.1;
/** A caller who has typed is still there: longer than any test. */
const SILENCE_SECONDS = 60;

/** The two tones of each of `keys`. */
export function keyTones(keys) {
  return [...keys].map((key) => {
    const row = KEYPAD.findIndex((line) => line.includes(key));
    return [ROWS_HZ[row], COLUMNS_HZ[KEYPAD[row].indexOf(key)]];
  });
}

/** Writes raw A-law: each of `sounds` (tones that are there at once) for 100 ms, apart by as long, then silence. */
export async function writeALaw(path, sounds) {
  const sound = (tonesHz) => {
    const sines = tonesHz.map((hz) => `sine ${hz}`).join(' ');
    return `|sox -n -r 8000 -p synth ${TONE_SECONDS} ${sines} remix - gain -n -9 pad 0 ${PAUSE_SECONDS}`;
  };
  const silence = `|sox -n -r 8000 -p trim 0 ${SILENCE_SECONDS}`;
  await run('sox', [...sounds.map(sound), silence, '-e', 'a-law', '-t', 'al', path]);
}
