// Three callers hear each other, and the PIN is typed: by telephones that are not ours.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { assertHearing } from '../lib/hearing.mjs';
import { NOT_HEARD, strongest } from '../lib/recording.mjs';
import { NUMBER } from '../lib/server.mjs';
import { saying, typing } from '../lib/sipp.mjs';
import { peak } from '../lib/tone.mjs';
import { until } from '../lib/wait.mjs';
import { muLaw, sine } from '../lib/wav.mjs';

const RATE_HZ = 8000;

/** Each of `phones` hears all the others, without a gap, and itself never. */
async function assertAllHearAll(t, phones) {
  const others = (phone) => phones.filter((other) => other !== phone).map(({ hz }) => hz);
  await assertHearing(t, phones.map((phone) => ({ phone, heard: others(phone), notHeard: [phone.hz] })));
}

test('three baresips hear each other and not themselves, in A-law and in µ-law', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const phones = [
    ...(await fixture.phones({ 4001: 450, 4002: 650 }, { codec: 'PCMU' })),
    ...(await fixture.phones({ 4003: 850 }, { codec: 'PCMA' })),
  ];
  for (const phone of phones) await phone.call(server, NUMBER);
  await assertAllHearAll(t, phones);
  await phones[2].hangUp();
  await phones[0].recording.hears({ heard: [650], notHeard: [450, 850] });
});

test('SIPp is heard by baresip', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const [phone] = await fixture.phones({ 4001: 450 });
  await phone.call(server, NUMBER);
  await server.untilMembers(follow, 1);
  const file = join(server.folder, 'tone.ul');
  writeFileSync(file, muLaw(sine(1050, 2, RATE_HZ)));
  const caller = await fixture.sipp('until-bye', { replace: saying(file) });
  await phone.recording.hears({ heard: [1050], notHeard: [450] });
  server.child.signal('SIGTERM');
  await caller.done;
});

test('rooms are apart', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  await server.cli(['number', 'add', '3001', '--account', 'a@example.org', 'language=fr']);
  const phones = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850, 4004: 1050 });
  const rooms = [NUMBER, '3001', NUMBER, '3001'];
  await Promise.all(phones.map((phone, i) => phone.call(server, rooms[i])));
  const [a, b, c, d] = phones;
  await a.recording.hears({ heard: [c.hz], notHeard: [a.hz, b.hz, d.hz] });
  await b.recording.hears({ heard: [d.hz], notHeard: [a.hz, b.hz, c.hz] });
  const heard = await c.recording.next(2000);
  for (const stranger of [b, d]) {
    const level = strongest(heard, stranger.hz, RATE_HZ);
    assert.ok(level < NOT_HEARD, `${stranger.number} is heard in another room: ${level}`);
  }
});

test('a caller is greeted, and let in by the PIN of baresip', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234'] });
  const { follow } = await server.addresses();
  const phones = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850 });
  const [first] = phones;
  await first.call(server, NUMBER);
  await until('the greeting', () => peak(first.recording.since(0)) > 2000);
  assert.deepEqual(await server.members(follow), [], 'a caller is in before the PIN');
  await first.type('1234#');
  await server.untilMembers(follow, 1);
  for (const phone of phones.slice(1)) {
    await phone.call(server, NUMBER);
    await phone.type('1234#');
  }
  await server.untilMembers(follow, 3);
  await assertAllHearAll(t, phones);
});

test('a wrong PIN may be corrected, and the third wrong one ends the call', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234'] });
  const { follow } = await server.addresses();
  const [mistaken, wrong] = await fixture.phones({ 4001: 450, 4002: 650 });
  await Promise.all([mistaken.call(server, NUMBER), wrong.call(server, NUMBER)]);
  await mistaken.type('1235#');
  await wrong.type('0000#');
  await mistaken.type('1234#');
  await wrong.type('1#');
  await server.untilMembers(follow, 1);
  assert.ok(wrong.inCall, 'two wrong PINs have ended the call');
  await wrong.type('9999');
  await wrong.closed(15_000);
  assert.ok(mistaken.inCall);
  assert.equal((await server.members(follow)).length, 1);
});

const rawSockets = process.getuid() === 0 ? false : 'SIPp sends digits from a raw socket: that needs root';
test('a PIN typed by SIPp lets it in', { skip: rawSockets }, async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234'] });
  const { follow } = await server.addresses();
  const caller = await fixture.sipp('until-bye', { replace: typing('1234#') });
  await server.untilMembers(follow, 1);
  server.child.signal('SIGTERM');
  await caller.done;
});

test('the settings of a number are obeyed by the next call', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const [first, second] = await fixture.phones({ 4001: 450, 4002: 650 });
  await first.call(server, NUMBER);
  await server.untilMembers(follow, 1);
  await server.cli(['number', 'set', NUMBER, 'enterMuted=true']);
  await second.call(server, NUMBER);
  const members = await server.untilMembers(follow, 2);
  assert.deepEqual(members.map((member) => member.muted), [false, true]);
  await second.recording.hears({ heard: [450], notHeard: [650] });
  await first.recording.hears({ notHeard: [450, 650] });
});
