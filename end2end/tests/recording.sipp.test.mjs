// Conferences are recorded as they are heard, and what was recorded outlives a crash and a full disk.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { NOT_SAID, SAID, find, phrase } from '../lib/phrases.mjs';
import { run } from '../lib/process.mjs';
import { HEARD, NOT_HEARD, strongest } from '../lib/recording.mjs';
import { RATE_HZ, about, decoded, recordingFiles, recordingsFolder } from '../lib/recordings.mjs';
import { ACCOUNT, NUMBER } from '../lib/server.mjs';
import { track } from '../lib/tone.mjs';
import { until } from '../lib/wait.mjs';

const RECORDED = ['recordStatus=true', 'chimes=false'];

/** Waits until the room is recorded, or is not, as its page says. */
async function untilRecorded(server, follow, wanted) {
  const shown = async () => ((await server.live(follow)).conference?.recording ?? false) === wanted;
  await until(`recorded: ${wanted}`, shown);
}

/** What a file of the server's holds, without changing the folder that it lies in. */
async function copyDecoded(server, file, bytes) {
  const copy = join(server.folder, `copy-${bytes ?? 'whole'}.ogg`);
  writeFileSync(copy, readFileSync(file).subarray(0, bytes));
  return decoded(copy);
}

/** Waits until the history says that the recording has ended, and returns its page as text. */
async function history(server, number = NUMBER) {
  let page;
  const ended = async () => {
    page = await server.page(`/rooms/${number}/history`);
    return page.includes('<audio');
  };
  await until(() => `the recording to end\n${page}`, ended);
  return page.replaceAll('&nbsp;', ' ').replaceAll('\u00a0', ' ');
}

/** As SAID, where the others' tones, louder than any voice, are heard with it. */
const SAID_OVER_TONES = 0.5;

test('it begins with the second caller, is told to all, holds what all say, and is played as a file', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: RECORDED });
  const { follow } = await server.addresses();
  const recorded = await phrase('en/recorded');
  const [first, second, third] = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850 });
  await first.call(server, NUMBER);
  await server.untilMembers(follow, 1);
  await first.recording.hears({ notHeard: [650] });
  assert.equal((await server.live(follow)).conference.recording, false);
  assert.deepEqual(recordingFiles(server), [], 'one caller alone is recorded');

  await second.call(server, NUMBER);
  await untilRecorded(server, follow, true);
  await third.call(server, NUMBER);
  await third.recording.hears({ heard: [450, 650], notHeard: [850] });
  await server.live(follow);
  for (const phone of [first, second, third]) {
    const { alike } = find(recorded, phone.recording.since(0));
    t.diagnostic(`${phone.number} hears that it is recorded: ${alike.toFixed(2)}`);
    assert.ok(alike > SAID_OVER_TONES, `${phone.number} is not told: ${alike.toFixed(2)}`);
  }
  // Muted by its own keys, it is in the recording no more.
  await third.type('00');
  await first.recording.hears({ heard: [650], notHeard: [850] });
  await first.recording.next(2000);
  for (const phone of [third, second, first]) await phone.hangUp();

  const page = await history(server);
  const [file, ...others] = recordingFiles(server);
  assert.deepEqual(others, []);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const info = await about(file);
  assert.match(info, /DATE=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
  assert.doesNotMatch(info, /warning/i);
  const samples = await copyDecoded(server, file);
  const level = (hz, from, to) => strongest(samples.subarray(from, to), hz, RATE_HZ);
  for (const hz of [450, 650, 850]) assert.ok(level(hz) > HEARD, `${hz} Hz is not recorded: ${level(hz)}`);
  // The muted one is gone while the others are still heard.
  const muted = samples.subarray(samples.length - 2 * RATE_HZ - RATE_HZ / 2, samples.length - RATE_HZ / 2);
  assert.ok(strongest(muted, 850, RATE_HZ) < NOT_HEARD, 'a muted caller is recorded');
  assert.ok(strongest(muted, 450, RATE_HZ) > HEARD);
  const seconds = samples.length / RATE_HZ;
  t.diagnostic(`${seconds.toFixed(1)} s, ${statSync(file).size} bytes`);
  const shown = [seconds - 0.05, seconds + 0.05].map((length) => `${Math.ceil(length)} s`);
  assert.ok(shown.some((length) => page.includes(length)), page);
});

test('the setting counts from the next call on, and what was not recorded leaves no file', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['chimes=false'] });
  const { follow } = await server.addresses();
  const phones = await fixture.phones({ 4001: 450, 4002: 650 });
  const recorded = await phrase('en/recorded');
  for (const phone of phones) await phone.call(server, NUMBER);
  await phones[0].recording.hears({ heard: [650] });
  await phones[0].recording.next(2000);
  const { alike } = find(recorded, phones[0].recording.since(0));
  assert.ok(alike < NOT_SAID, `a recording is told that there is not: ${alike.toFixed(2)}`);
  assert.equal((await server.live(follow)).conference.recording, false);
  for (const phone of phones) await phone.hangUp();
  await server.untilMembers(follow, 0);
  assert.deepEqual(recordingFiles(server), []);

  await server.cli(['number', 'set', NUMBER, 'recordStatus=true']);
  for (const phone of phones) await phone.call(server, NUMBER);
  await untilRecorded(server, follow, true);
  for (const phone of phones) await phone.hangUp();
  await history(server);
  assert.equal(recordingFiles(server).length, 1);
});

test('kill -9 amid recorded conferences: each can be played to within a second of it', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: RECORDED });
  const numbers = [NUMBER, '3001', '3002'];
  for (const number of numbers.slice(1)) {
    await server.cli(['number', 'add', number, '--account', ACCOUNT.email, 'language=en', ...RECORDED]);
  }
  const phones = await fixture.phones({ 4001: 450, 4002: 0, 4003: 650, 4004: 0, 4005: 850, 4006: 0 });
  const [talkers, others] = [0, 1].map((place) => phones.filter((_, i) => i % 2 === place));
  for (const [i, number] of numbers.entries()) {
    await talkers[i].call(server, number);
    await talkers[i].silence(true);
    await others[i].call(server, number);
    await untilRecorded(server, (await server.addresses(number)).follow, true);
  }
  await others[2].recording.next(3000);
  // From when a talker begins to when the server is killed, its tone is heard: all but a second of it is on the disk.
  const began = [];
  for (const talker of talkers) began.push(await talker.silence(false));
  await others[0].recording.next(5000);
  await server.crash();
  const killed = Date.now();

  // Before anything has mended them: whatever the place at which they end.
  const files = recordingFiles(server);
  assert.equal(files.length, numbers.length);
  for (const cut of [0, 1, 100, 777]) {
    for (const file of files) {
      const samples = await copyDecoded(server, file, statSync(file).size - cut);
      assert.ok(samples.length > 5 * RATE_HZ, `${samples.length} samples where ${cut} bytes are missing`);
    }
  }
  await server.run();
  for (const [i, number] of numbers.entries()) {
    const page = await history(server, number);
    assert.match(page, /cut short when the server went down/);
    const [, id] = page.match(/data-recording="([^"]+)"/);
    const samples = await copyDecoded(server, join(recordingsFolder(server), `${id}.ogg`));
    const heardMs = 20 * track(samples, talkers[i].hz, RATE_HZ).filter((level) => level > HEARD).length;
    const lostMs = killed - began[i] - heardMs;
    t.diagnostic(`${number}: ${heardMs} of ${killed - began[i]} ms, ${lostMs} ms lost`);
    assert.ok(lostMs < 1000, `${lostMs} ms are lost`);
  }
});

const mounts = process.getuid() === 0 ? false : 'a small disk is mounted: that needs root';
test('a disk that fills up ends the recording and not the call', { skip: mounts }, async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: RECORDED });
  const { follow } = await server.addresses();
  const folder = recordingsFolder(server);
  const stopped = await phrase('en/recording-stopped');
  const phones = await fixture.phones({ 4001: 450, 4002: 650 });
  // By the guard, while there is some space left; and without it, by the disk itself.
  for (const freeMb of ['1', '0']) {
    await server.crash();
    mkdirSync(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1200k', 'tmpfs', folder]);
    const disk = fixture.use({ stop: () => run('umount', ['-l', folder]).catch(() => {}) });
    server.flags = { '--recording-free-mb': freeMb };
    await server.run();
    for (const phone of phones) await phone.call(server, NUMBER);
    await untilRecorded(server, follow, true);
    await phones[0].recording.next(3000);
    const ballast = freeMb === '1' ? 1_000_000 : 1_300_000;
    try {
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(ballast));
    } catch (error) {
      assert.equal(error.code, 'ENOSPC');
    }
    await untilRecorded(server, follow, false);
    await phones[0].recording.next(4000);
    const { alike } = find(stopped, phones[0].recording.since(0));
    assert.ok(alike > SAID_OVER_TONES, `nobody says that it has stopped: ${alike.toFixed(2)}`);
    await phones[0].recording.hears({ heard: [650] });
    const page = await history(server);
    assert.match(page, /stopped because the server’s disk was nearly full/);
    if (freeMb === '1') assert.match(page, /until there is space, conferences are not recorded/);
    for (const phone of phones) await phone.hangUp();
    await server.untilMembers(follow, 0);
    const [, id] = page.match(/data-recording="([^"]+)"/);
    const samples = await copyDecoded(server, join(folder, `${id}.ogg`));
    assert.ok(strongest(samples, 450, RATE_HZ) > HEARD && strongest(samples, 650, RATE_HZ) > HEARD);
    await server.assertAlive();
    await disk.stop();
  }
});
