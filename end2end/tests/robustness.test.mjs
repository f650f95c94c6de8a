// Two thousand datagrams of nonsense beside a good call, which must not hear of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { rtpPacket, seeded } from '../lib/datagrams.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { malformedMessages } from '../lib/malformed.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sipp } from '../lib/sipp.mjs';
import { muLaw, sine } from '../lib/wav.mjs';

const RATE_HZ = 8000;
const DATAGRAMS = 2_000;
/** So many at once, and so often: within the kernel's receive buffer, so that the server has to look at each. */
const BURST = 20;
const BURST_EVERY_MS = 10;
const SEED = 20_261;

/** `bytes` with some of them changed, doubled, cut out or moved. */
function mutated(random, bytes) {
  let result = Buffer.from(bytes);
  const at = () => Math.floor(random() * result.length);
  for (let changes = 1 + Math.floor(random() * 6); changes > 0 && result.length > 0; changes -= 1) {
    const [from, length] = [at(), Math.floor(random() * 40)];
    const piece = result.subarray(from, from + length);
    const kind = random();
    if (kind < 0.5) result[from] = Math.floor(random() * 256);
    else if (kind < 0.7) result = Buffer.concat([result.subarray(0, from), piece, result.subarray(from)]);
    else if (kind < 0.9) result = Buffer.concat([result.subarray(0, from), result.subarray(from + length)]);
    else result = result.subarray(0, from);
  }
  return result;
}

/** Something like an RTP or RTCP packet: mostly right in its first bytes, and any length. */
function nearlyRtp(random) {
  const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 1_600) }, () => Math.floor(random() * 256)));
  if (bytes.length > 1 && random() < 0.8) bytes[0] = 0x80 | (bytes[0] & 0x3f);
  if (bytes.length > 1 && random() < 0.6) bytes[1] = [0, 8, 101, 200, 201][Math.floor(random() * 5)];
  return bytes;
}

/** Sends a tone of `hz`, as a telephone would, to all the server's ports for sound, until the test ends. */
function sayEverywhere(fixture, server, peer, hz) {
  const voice = muLaw(sine(hz, 0.02, RATE_HZ));
  let sequence = 0;
  const timer = setInterval(() => {
    sequence += 1;
    for (const port of server.everyRtpPort()) peer.send(rtpPacket(sequence, voice), port);
  }, 20);
  fixture.use({ stop: () => clearInterval(timer) });
}

async function inBursts(count, send) {
  for (let i = 0; i < count; i += 1) {
    await send(i);
    if (i % BURST === BURST - 1) await setTimeout(BURST_EVERY_MS);
  }
}

test('2,000 malformed SIP datagrams', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const good = await fixture.goodCall();
  // From another address: what is done against its sender must not hit the good call.
  const peer = await fixture.datagrams('127.0.0.2');
  const random = seeded(SEED);
  const models = malformedMessages(peer, NUMBER).map(([, data]) => Buffer.from(data));
  await inBursts(DATAGRAMS, () => peer.send(mutated(random, models[Math.floor(random() * models.length)])));
  await sipp(server, 'options');
  await sipp(server, 'call');
  await good.assertNoGap(t);
  await server.assertAlive();
});

test('2,000 malformed RTP and RTCP datagrams at the ports of live calls', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const good = await fixture.goodCall();
  const peer = await fixture.datagrams('127.0.0.2');
  const random = seeded(SEED);
  const ports = await good.ports();
  await inBursts(DATAGRAMS, (i) => peer.send(nearlyRtp(random), ports[i % ports.length]));
  await good.assertNoGap(t);
  await server.assertAlive();
});

test('a stream of noise from the caller itself ends nothing', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const good = await fixture.goodCall();
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  await peer.send(peer.request(call, 'INVITE', { body: peer.offer(peer.port) }));
  const answer = await peer.response('200', (r) => r.method === 'INVITE' && r.status === 200);
  await peer.send(peer.request(call, 'ACK', { toTag: answer.tag, branch: `${call.branch}a` }));
  const port = Number(answer.text.match(/^m=audio (\d+)/m)[1]);
  const random = seeded(SEED);
  await inBursts(DATAGRAMS, (i) => peer.send(nearlyRtp(random), port + (i % 2)));
  await peer.send(peer.request(call, 'BYE', { toTag: answer.tag, branch: `${call.branch}b`, cseq: 2 }));
  await peer.response('200 to BYE', (r) => r.method === 'BYE' && r.status === 200);
  await good.assertNoGap(t);
  await server.assertAlive();
});

test('a stranger who sends sound to every port is taken for nobody', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234'] });
  const { follow } = await server.addresses();
  // So it is after a crash: the phones of before still talk to the ports that the next callers are given.
  sayEverywhere(fixture, server, await fixture.datagrams('127.0.0.2'), 1250);
  const [first, second] = await fixture.phones({ 4001: 450, 4002: 650 });
  for (const phone of [first, second]) {
    await phone.call(server, NUMBER);
    await phone.type('1234#');
  }
  await server.untilMembers(follow, 2);
  await first.recording.hears({ heard: [650], notHeard: [450, 1250] });
  await second.recording.hears({ heard: [450], notHeard: [650, 1250] });
});
