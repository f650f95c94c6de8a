// Codecs, keys in the sound and reports of the line: with telephones that are not ours, and by hand.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { rtpPacket } from '../lib/datagrams.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { assertHearing } from '../lib/hearing.mjs';
import { keyTones, writeALaw } from '../lib/keys.mjs';
import { Child } from '../lib/process.mjs';
import { binary, NUMBER } from '../lib/server.mjs';
import { sayingALaw } from '../lib/sipp.mjs';
import { sharpest } from '../lib/tone.mjs';
import { until } from '../lib/wait.mjs';
import { chord } from '../lib/wav.mjs';

/** Above what G.711 can carry, within what G.722 can. */
const BRIGHT_HZ = 5500;
/** Where it would be heard if a sound of 8 kHz were made of it without a filter. */
const ALIAS_HZ = 8000 - BRIGHT_HZ;
const OPUS_HZ = 48_000;

test('baresips with A-law, G.722 and Opus hear each other, each as far as its codec reaches', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const [narrow] = await fixture.phones({ 4001: 450 }, { codec: 'PCMA' });
  const [wide] = await fixture.phones({ 4002: 650 }, { codec: 'G722' });
  const [full] = await fixture.phones({ 4003: 850 }, { codec: 'opus', say: chord([850, BRIGHT_HZ], 60, OPUS_HZ) });
  for (const phone of [narrow, wide, full]) await phone.call(server, NUMBER);
  const rates = [narrow, wide, full].map((phone) => phone.recording.rateHz);
  assert.deepEqual(rates, [8000, 16_000, OPUS_HZ], 'a telephone does not speak the codec that it is meant to');
  await assertHearing(t, [
    { phone: narrow, heard: [650, 850], notHeard: [450, ALIAS_HZ] },
    { phone: wide, heard: [450, 850, BRIGHT_HZ], notHeard: [650, ALIAS_HZ] },
    { phone: full, heard: [450, 650], notHeard: [850, BRIGHT_HZ, ALIAS_HZ] },
  ]);
});

const OPUS = 'rtpmap:107 opus/48000/2';
const EVENTS = 'rtpmap:101 telephone-event/8000';
const ALL = { formats: '0 8 9 107 101', attributes: [OPUS, EVENTS] };
const CHOICES = [
  { what: 'all', offered: ALL, taken: [107, 'opus/48000/2'] },
  {
    what: 'Opus at less than we send',
    offered: { ...ALL, attributes: [OPUS, 'fmtp:107 maxaveragebitrate=16000', EVENTS] },
    taken: [9, 'G722/8000'],
  },
  { what: 'G.711, A-law first', offered: { formats: '8 0 101', attributes: [EVENTS] }, taken: [8, 'PCMA/8000'] },
  { what: 'µ-law alone', offered: { formats: '0', attributes: [] }, taken: [0, 'PCMU/8000'] },
];

/** A call made by hand; its answer, and `count` packets that came to it. */
async function listen(fixture, offered, count) {
  const [signalling, media] = [await fixture.datagrams(), await fixture.datagrams()];
  const answer = await signalling.call(NUMBER, signalling.offer(media.port, offered));
  const enough = () => media.rtp().length >= count;
  await until(() => `${count} packets; there are ${media.rtp().length}`, enough);
  return { answer, packets: media.rtp() };
}

test('of what a telephone offers the best codec is taken, and spoken', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  for (const { what, offered, taken: [payloadType, encoding] } of CHOICES) {
    const { answer, packets } = await listen(fixture, offered, 10);
    const [, first] = answer.match(/^m=audio [1-9]\d* RTP\/AVP (\d+)(?: 101)?\r$/m) ?? [];
    assert.equal(Number(first), payloadType, `offered ${what}; the answer is\n${answer}`);
    assert.ok(answer.includes(`a=rtpmap:${payloadType} ${encoding}\r\n`), answer);
    const spoken = new Set(packets.map((packet) => packet.payloadType));
    assert.deepEqual([...spoken], [payloadType], `offered ${what}`);
  }
});

test('packets of G.722 are as long as the telephone wants them', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  for (const ptimeMs of [30, 60]) {
    const offered = { formats: '9', attributes: [`ptime:${ptimeMs}`] };
    const { answer, packets } = await listen(fixture, offered, 10);
    assert.ok(answer.includes(`a=ptime:${ptimeMs}\r\n`), answer);
    // 64 kbit/s, and a clock of 8 kHz: eight bytes and eight units a millisecond (RFC 3551 section 4.5.2).
    for (const [i, packet] of packets.entries()) {
      assert.equal(packet.payloadBytes, 8 * ptimeMs);
      if (i === 0) continue;
      assert.equal((packet.sequence - packets[i - 1].sequence) & 0xffff, 1);
      assert.equal((packet.timestamp - packets[i - 1].timestamp) >>> 0, 8 * ptimeMs);
    }
  }
});

test('a PIN in the sound of `conference call` lets it in', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=4711'] });
  const { follow } = await server.addresses();
  const uri = `sip:${NUMBER}@${server.sip}`;
  const caller = ['call', uri, '--no-telephone-event', '--pin', '4711', '--duration', '60'];
  fixture.use(new Child(binary(), caller, { cwd: server.folder }));
  await server.untilMembers(follow, 1);
});

/** Sounds that are no keys, fewer than a PIN's digits: single tones, tones between keys, a chord, a voice's harmonics. */
const NO_KEYS = [[697], [1209], [733, 1209], [697, 1272], [450, 850], [697, 1209, 1633], [150, 300, 450, 600, 750]];

/** A caller by SIPp who makes these sounds, in A-law, and speaks of no telephone-events. */
async function callerWithSounds(fixture, sounds) {
  const file = join(fixture.theServer.folder, 'sounds.al');
  await writeALaw(file, sounds);
  return fixture.sipp('until-bye', { replace: sayingALaw(file) });
}

test('a PIN in tones made by sox, said by SIPp, lets it in; other tones before it type nothing', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=47110815'] });
  const { follow } = await server.addresses();
  const caller = await callerWithSounds(fixture, [...NO_KEYS, ...keyTones('47110815')]);
  await server.untilMembers(follow, 1);
  server.child.signal('SIGTERM');
  await caller.done;
});

test('a wrong PIN in the sound is refused at the third try', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=4711'] });
  const { follow } = await server.addresses();
  const caller = await callerWithSounds(fixture, keyTones('471247124712'));
  await caller.done;
  assert.deepEqual(await server.members(follow), []);
});

/** The qualities of the lines of `count` members, once `isKnown` holds for each. */
async function qualities(server, follow, count, isKnown) {
  let seen = [];
  const known = async () => {
    seen = ((await server.live(follow)).conference?.members ?? []).map((member) => member.quality);
    return seen.length === count && seen.every(isKnown) && seen;
  };
  const what = () => `the qualities of ${count} lines; last ${JSON.stringify(seen)}`;
  return until(what, known, { withinMs: 20_000, pollMs: 100 });
}

for (const codec of ['PCMU', 'G722', 'opus']) {
  test(`reports go both ways, and the pages know how good the line is: ${codec}`, async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server();
    const { follow } = await server.addresses();
    const [phone] = await fixture.phones({ 4001: 450 }, { codec });
    await phone.call(server, NUMBER);
    // baresip's own figures: what we say that we sent, and the way there and back by our answer to its report.
    const seen = await phone.reports(({ rx, rtt }) => rx.sent > 0 && rtt > 0);
    t.diagnostic(`baresip: ${JSON.stringify(seen)}`);
    assert.ok(seen.rtt < 1_000_000 && seen.tx.lost === 0 && seen.rx.lost === 0, JSON.stringify(seen));
    const [quality] = await qualities(server, follow, 1, (known) => known?.roundTripMs != null);
    t.diagnostic(`the page: ${JSON.stringify(quality)}`);
    assert.ok(quality.mosTenths > 40 && quality.rFactor > 80, JSON.stringify(quality));
  });
}

/** 20 ms of silence in Opus. */
const OPUS_SILENCE = Buffer.from('f8fffe', 'hex');

/**
 * A telephone by hand that talks Opus for 200 ms and then, for 400 ms, sends nothing but time, again and again. `lost`:
 * the sequence numbers tell that there were packets in between.
 */
async function pausingCaller(fixture, { lost }) {
  const [signalling, media] = [await fixture.datagrams(), await fixture.datagrams()];
  const answer = await signalling.call(NUMBER, signalling.offer(media.port, ALL));
  const port = answer.match(/^m=audio (\d+)/m)[1];
  let [tick, sent] = [0, 0];
  const timer = setInterval(() => {
    tick += 1;
    if (tick % 30 >= 10) return;
    sent += 1;
    media.send(rtpPacket(lost ? tick : sent, OPUS_SILENCE, { payloadType: 107, timestamp: tick * 960 }), port);
  }, 20);
  fixture.use({ stop: () => clearInterval(timer) });
}

test('what Opus leaves out while nobody talks is not counted as lost, and what is lost is', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  await pausingCaller(fixture, { lost: false });
  await server.untilMembers(follow, 1);
  await pausingCaller(fixture, { lost: true });
  const [quiet, bad] = await qualities(server, follow, 2, (quality) => quality);
  t.diagnostic(JSON.stringify({ quiet, bad }));
  assert.equal(quiet.lossPermille, 0);
  assert.ok(bad.lossPermille > 300, JSON.stringify(bad));
});

/** Under it a bend is the tone's own and the codecs' noise: 280. Where a telephone cuts the tone off it is 780. */
const CLICK = 500;

test('mute and unmute make no click', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const [talker] = await fixture.phones({ 4001: 450 }, { codec: 'opus' });
  const [listener] = await fixture.phones({ 4002: 0 }, { codec: 'G722' });
  for (const phone of [talker, listener]) await phone.call(server, NUMBER);
  await listener.recording.hears({ heard: [450] });
  const begin = listener.recording.mark();
  for (let round = 0; round < 4; round += 1) {
    await talker.type('00');
    await listener.recording.hears({ notHeard: [450] });
    await talker.type('00');
    await listener.recording.hears({ heard: [450] });
  }
  const bend = sharpest(listener.recording.since(begin));
  t.diagnostic(`the sharpest bend is ${bend}`);
  assert.ok(bend < CLICK, `a click: a bend of ${bend}`);
});
