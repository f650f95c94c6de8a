// Listening: how strong a tone is in 16-bit PCM, by Goertzel's algorithm.

/** The amplitude (0 to 32767) of `hz` in `samples`, which should hold several periods of it. */
export function amplitude(samples, hz, rateHz) {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rateHz);
  let [previous, beforeIt] = [0, 0];
  for (const sample of samples) {
    [previous, beforeIt] = [sample + coefficient * previous - beforeIt, previous];
  }
  const power = previous ** 2 + beforeIt ** 2 - coefficient * previous * beforeIt;
  return (2 * Math.sqrt(Math.max(power, 0))) / samples.length;
}

/** The largest absolute sample. */
export function peak(samples) {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

/** The largest bend in the curve, as a second difference: a wave that is cut off has one, slow waves and fades have not. */
export function sharpest(samples) {
  let most = 0;
  for (let i = 2; i < samples.length; i += 1) {
    most = Math.max(most, Math.abs(samples[i] - 2 * samples[i - 1] + samples[i - 2]));
  }
  return most;
}

/**
 * For each window of `windowMs` the amplitude of `hz`. With tones on a 50 Hz grid, a window of 20 ms or a multiple holds
 * whole periods of each, so that none leaks into another's figure.
 */
export function track(samples, hz, rateHz, windowMs = 20) {
  const size = Math.round((rateHz * windowMs) / 1000);
  const windows = [];
  for (let at = 0; at + size <= samples.length; at += size) {
    windows.push(amplitude(samples.subarray(at, at + size), hz, rateHz));
  }
  return windows;
}
