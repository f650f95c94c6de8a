// What callers are told, in each language and in which order: judged by a telephone that is not ours, against the stored
// phrases.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { NOT_SAID, SAID, find, phrase } from '../lib/phrases.mjs';
import { freePorts } from '../lib/ports.mjs';
import { Recording } from '../lib/recording.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sipp } from '../lib/sipp.mjs';
import { until } from '../lib/wait.mjs';
import { sine } from '../lib/wav.mjs';

const LANGUAGES = ['fr', 'en', 'de', 'es', 'it', 'ru'];
/** These telephones only listen. */
const SILENT = { say: sine(0, 200, 8000) };

/** Each phrase is in `recorded`, after the one before it. */
function assertSaid(t, recorded, phrases) {
  let before = -1;
  for (const wanted of phrases) {
    const { alike, atMs } = find(wanted, recorded);
    t.diagnostic(`${wanted.name}: ${alike.toFixed(2)} at ${Math.round(atMs)} ms`);
    assert.ok(alike > SAID, `${wanted.name} is not said: ${alike.toFixed(2)}`);
    assert.ok(atMs > before, `${wanted.name} is said at ${atMs} ms, and not after ${before} ms`);
    before = atMs;
  }
}

function assertNotSaid(recorded, phrases) {
  for (const other of phrases) {
    const { alike } = find(other, recorded);
    assert.ok(alike < NOT_SAID, `${other.name} is said: ${alike.toFixed(2)}`);
  }
}

/** Waits until a telephone has recorded so much. */
function recorded(phone, ms) {
  const enough = () => phone.recording.mark() >= (ms * phone.recording.rateHz) / 1000;
  return until(`${ms} ms recorded by ${phone.number}`, enough, { withinMs: ms + 15_000 });
}

test('greeting, question, loneliness and music, in each language', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234', 'language=fr'] });
  const numbers = LANGUAGES.map((_, i) => `${Number(NUMBER) + i}`);
  for (const [i, language] of LANGUAGES.entries()) {
    if (i > 0) await server.cli(['number', 'add', numbers[i], '--account', 'a@example.org', 'pin=1234', `language=${language}`]);
  }
  const phones = await fixture.phones({ 4001: 0, 4002: 0, 4003: 0, 4004: 0, 4005: 0, 4006: 0 }, SILENT);
  const music = await phrase('sounds/hold-music');
  await Promise.all(
    phones.map(async (phone, i) => {
      const names = ['welcome', 'enter-pin', 'alone'];
      const [welcome, enterPin, alone] = await Promise.all(names.map((name) => phrase(`${LANGUAGES[i]}/${name}`)));
      await phone.call(server, numbers[i]);
      await recorded(phone, welcome.ms + enterPin.ms + 1000);
      const mark = phone.recording.mark();
      await phone.type('1234#');
      await recorded(phone, (mark * 1000) / phone.recording.rateHz + alone.ms + 5000);
      phone.phrases = [welcome, enterPin, alone, music];
    }),
  );
  for (const [i, phone] of phones.entries()) {
    const heard = phone.recording.since(0);
    assertSaid(t, heard, phone.phrases);
    assertNotSaid(heard, phones[(i + 1) % phones.length].phrases.slice(0, 3));
  }
});

test('who is in hears a chime, and who comes in his place; keys are answered, and ## is a good-bye', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const names = ['en/welcome', 'en/participant-2', 'en/muted', 'en/unmuted', 'en/goodbye', 'sounds/enter-chime', 'sounds/leave-chime'];
  const [welcome, second, muted, unmuted, goodbye, enterChime, leaveChime] = await Promise.all(names.map(phrase));
  const [inside, newcomer] = await fixture.phones({ 4001: 0, 4002: 0 }, SILENT);
  await inside.call(server, NUMBER);
  await server.untilMembers(follow, 1);
  await recorded(inside, 7000);
  const mark = inside.recording.mark();
  await newcomer.call(server, NUMBER);
  await server.untilMembers(follow, 2);
  await newcomer.recording.next(second.ms + 500);
  for (const [keys, answer] of [['00', muted], ['00', unmuted]]) {
    await newcomer.type(keys);
    await newcomer.recording.next(answer.ms + 700);
  }
  await newcomer.type('##');
  await newcomer.closed(15_000);
  const told = newcomer.recording.since(0);
  assertSaid(t, told, [welcome, second, muted, unmuted, goodbye]);
  assertNotSaid(told, [enterChime]);
  await inside.recording.next(1500);
  const heard = inside.recording.since(mark);
  assertSaid(t, heard, [enterChime, leaveChime]);
  assertNotSaid(heard, [second, muted, unmuted, goodbye]);
});

test('a full room says so and is busy, and has a place again when somebody has left', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ config: 'max-calls-per-room = 2\n' });
  const { follow } = await server.addresses();
  const [full, locked] = await Promise.all([phrase('en/full'), phrase('en/locked')]);
  const [first, second, third] = await fixture.phones({ 4001: 0, 4002: 0, 4003: 0 }, SILENT);
  for (const phone of [first, second]) await phone.call(server, NUMBER);
  await server.untilMembers(follow, 2);
  // In early media (RFC 3960), and then 486.
  const printed = third.child.output.length;
  assert.match(await third.tryCall(server, NUMBER), /^486 Busy Here/);
  const [, path] = third.child.output.slice(printed).match(/dumping decode audio to (\S+)/) ?? [];
  assert.ok(path, `nothing was heard before the refusal\n${third.tail()}`);
  const heard = new Recording(path).since(0);
  assertSaid(t, heard, [full]);
  assertNotSaid(heard, [locked]);
  await sipp(server, 'declined', { keys: { first_port: await freePorts() }, replace: { STATUS: '486' } });
  assert.equal((await server.members(follow)).length, 2);
  await second.hangUp();
  await server.untilMembers(follow, 1);
  await third.call(server, NUMBER);
  await server.untilMembers(follow, 2);
});
