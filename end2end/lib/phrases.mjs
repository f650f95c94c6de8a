// Which phrase of which language was said: the stored phrases, looked for in what a telephone has recorded.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.mjs';
import { readSamples } from './wav.mjs';

const FOLDER = join(import.meta.dirname, '../../server/prompts');
const RATE_HZ = 8000;
/** Speech has its force below 1 kHz, so it is found in every fourth sample, in a sixteenth of the time. */
const EVERY = 4;
/** How alike a phrase and its place in a recording must be, 0 to 1; and how unlike any other stays. */
export const SAID = 0.7;
export const NOT_SAID = 0.4;
/** No more of a phrase is looked for. */
const LONGEST_S = 3;

/** A stored phrase, `en/welcome` or `sounds/enter-chime`: its samples, decoded by opusdec, and how long it is. */
export async function phrase(name) {
  const folder = mkdtempSync(join(tmpdir(), 'conference-phrase-'));
  try {
    const file = join(folder, 'phrase.wav');
    await run('opusdec', ['--quiet', '--force-wav', '--rate', `${RATE_HZ}`, join(FOLDER, `${name}.opus`), file]);
    const samples = readSamples(file);
    return { name, samples, ms: (samples.length * 1000) / RATE_HZ };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every fourth sample, each the mean of four. */
function thinned(samples) {
  const thin = new Float64Array(Math.floor(samples.length / EVERY));
  for (let i = 0; i < thin.length; i += 1) {
    for (let j = 0; j < EVERY; j += 1) thin[i] += samples[i * EVERY + j] / EVERY;
  }
  return thin;
}

function padded(samples, silence) {
  const longer = new Float64Array(samples.length + Math.round(silence));
  longer.set(samples);
  return longer;
}

function energy(samples) {
  return samples.reduce((sum, sample) => sum + sample * sample, 0);
}

/** Where in `recorded` (samples at 8 kHz) the phrase is most alike, in ms, and how alike that is: a normalised correlation. */
export function find(wanted, recorded) {
  const looked = thinned(wanted.samples.subarray(0, LONGEST_S * RATE_HZ));
  // A call that ends with a phrase ends before the telephone's own buffer has played all of it.
  const heard = padded(thinned(recorded), looked.length / 4);
  const own = energy(looked);
  let beside = energy(heard.subarray(0, looked.length));
  let best = { alike: 0, atMs: 0 };
  for (let at = 0; at + looked.length <= heard.length; at += 1) {
    let sum = 0;
    for (let i = 0; i < looked.length; i += 1) sum += looked[i] * heard[at + i];
    const alike = beside > 0 ? sum / Math.sqrt(own * beside) : 0;
    if (alike > best.alike) best = { alike, atMs: (at * EVERY * 1000) / RATE_HZ };
    beside += (heard[at + looked.length] ?? 0) ** 2 - heard[at] ** 2;
  }
  return best;
}
