// The server's own recordings: found in its data folder, read by opusdec.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.mjs';
import { readSamples } from './wav.mjs';

export const RATE_HZ = 8000;

/** The folder in which they lie. */
export function recordingsFolder(server) {
  return join(server.data, 'recordings');
}

/** Their files, in the order in which they began: their names begin with the time. */
export function recordingFiles(server) {
  return readdirSync(recordingsFolder(server)).sort().map((name) => join(recordingsFolder(server), name));
}

/** What an Ogg Opus file holds, at 8 kHz, as opusdec decodes it: which fails on what it cannot read. */
export async function decoded(file) {
  const wav = `${file}.wav`;
  await run('opusdec', ['--quiet', '--force-wav', '--rate', `${RATE_HZ}`, file, wav]);
  return readSamples(wav);
}

/** What opusinfo says of a file. */
export function about(file) {
  return run('opusinfo', [file]);
}
