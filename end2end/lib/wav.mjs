// WAV files, 16-bit PCM, one channel: written for phones to say, read while a phone still records into them.

import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';

const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;

/** Writes `samples` (Int16Array). */
export function writeWav(path, samples, rateHz) {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(rateHz * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]));
}

/** `seconds` of a sine; `hz` 0 is silence. */
export function sine(hz, seconds, rateHz, level = 6000) {
  return chord([hz], seconds, rateHz, level);
}

/** `seconds` of several sines, each of `level`. */
export function chord(tonesHz, seconds, rateHz, level = 6000) {
  const samples = new Int16Array(Math.round(seconds * rateHz));
  const steps = tonesHz.map((hz) => (2 * Math.PI * hz) / rateHz);
  for (let i = 0; i < samples.length; i += 1) {
    samples[i] = Math.round(level * steps.reduce((sum, step) => sum + Math.sin(step * i), 0));
  }
  return samples;
}

function withFile(path, use) {
  const file = openSync(path, 'r');
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** How a WAV file is written: `{ rateHz, channels }`. */
export function format(path) {
  return withFile(path, (file) => {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(file, header) < HEADER_BYTES) throw new Error(`${path} has no header yet`);
    return { channels: header.readUInt16LE(22), rateHz: header.readUInt32LE(24) };
  });
}

/**
 * The samples of a WAV file from sample `from` on; of several channels the first. The sizes in its header are not
 * believed: the file may still grow.
 */
export function readSamples(path, from = 0, channels = 1) {
  const frameBytes = SAMPLE_BYTES * channels;
  return withFile(path, (file) => {
    const frames = Math.floor((fstatSync(file).size - HEADER_BYTES) / frameBytes) - from;
    if (frames < 1) return new Int16Array(0);
    const bytes = Buffer.alloc(frames * frameBytes);
    const read = readSync(file, bytes, 0, bytes.length, HEADER_BYTES + from * frameBytes);
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, read >> 1);
    return channels === 1 ? samples : samples.filter((_, i) => i % channels === 0);
  });
}

/** How many samples of each channel the file holds by now. */
export function sampleCount(path, channels = 1) {
  const bytes = withFile(path, (file) => fstatSync(file).size) - HEADER_BYTES;
  return Math.max(0, Math.floor(bytes / (SAMPLE_BYTES * channels)));
}

/** G.711 µ-law of 16-bit PCM, a byte per sample (ITU-T G.711). */
export function muLaw(samples) {
  return Buffer.from(Array.from(samples, muLawByte));
}

function muLawByte(sample) {
  const BIAS = 132;
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32_635) + BIAS;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}
