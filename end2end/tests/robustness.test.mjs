// Two thousand datagrams of nonsense beside a good call, which must not hear of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { rtpPacket, seeded } from '../lib/datagrams.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { malformedMessages } from '../lib/malformed.mjs';
import { ACCOUNT, NUMBER } from '../lib/server.mjs';
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

/** What cannot stand in a line: with it, a message has other lines than it had, and is seldom let in. */
const LINE_ENDS = /[\r\n]/g;
const ODD_PIECES = [';', ',', '<', '>', '"', '%', '%00', ':', '@', '=', ' ', '\t', '-', '0', '4294967296', '[::1]', 'a'.repeat(300)];

/** `text` with one or two of its values changed, and the length that its body has then: it gets past the door, and further in. */
function oddInside(random, text) {
  const [headers, body] = text.split('\r\n\r\n');
  const change = (line) => {
    const at = Math.floor(random() * (line.length + 1));
    const piece = ODD_PIECES[Math.floor(random() * ODD_PIECES.length)];
    const kind = random();
    if (kind < 0.4) return line.slice(0, at) + piece + line.slice(at);
    if (kind < 0.6) return line.slice(0, at) + line.slice(at + 1 + Math.floor(random() * 8));
    if (kind < 0.8) return line.slice(0, at) + String.fromCharCode(1 + Math.floor(random() * 254)) + line.slice(at + 1);
    return line.slice(0, at) + line.slice(Math.floor(random() * at));
  };
  const some = (lines, from) => {
    const which = from + Math.floor(random() * (lines.length - from));
    // On a stream nobody can tell where a message ends whose length is odd: the server closes it, as it should.
    const odd = (line, i) => i === which && !line.startsWith('Content-Length');
    return lines.map((line, i) => (odd(line, i) ? change(line).replace(LINE_ENDS, '') : line));
  };
  const inBody = body && random() < 0.5;
  // From the second line on: the first and the top Via are what the door looks at most.
  const lines = inBody ? headers.split('\r\n') : some(headers.split('\r\n'), 2);
  const description = inBody ? some(some(body.split('\r\n'), 0), 0).join('\r\n') : body;
  const length = `Content-Length: ${Buffer.byteLength(description, 'latin1')}`;
  return Buffer.from(`${lines.join('\r\n').replace(/^Content-Length: \d+$/m, length)}\r\n\r\n${description}`, 'latin1');
}

/** Messages as a telephone of a trunk sends them: new calls, and requests in the call `up`, whose answer had `toTag`. */
function requests(peer, number, up, toTag) {
  let cseq = 1;
  const inCall = (method, options) => () =>
    peer.request(up, method, { toTag, cseq: (cseq += 1), branch: `${up.branch}${cseq}`, ...options });
  const offer = peer.offer(peer.port, {
    formats: '107 9 8 0 101',
    attributes: ['rtpmap:107 opus/48000/2', 'fmtp:107 useinbandfec=1;maxaveragebitrate=64000', 'rtpmap:101 telephone-event/8000', 'ptime:20', 'sendrecv'],
  });
  const extra = ['Supported: timer, 100rel', 'Session-Expires: 1800;refresher=uac', 'Allow: INVITE, UPDATE',
    'P-Asserted-Identity: "Claire" <sip:0612345678@carrier.example>', 'Diversion: <sip:1@a.example>;reason=unconditional', 'Privacy: none'];
  const invite = (options) => () => peer.request(peer.newCall(number), 'INVITE', { body: offer, extra, ...options });
  return [
    invite(),
    invite({ extra: [...extra, 'Require: 100rel'] }),
    invite({ body: offer.replace('RTP/AVP', 'RTP/SAVP') + `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${'A'.repeat(40)}\r\n` }),
    () => peer.request(peer.newCall(number), 'OPTIONS', { extra }),
    () => peer.request(peer.newCall(number), 'REGISTER', { extra }),
    inCall('UPDATE', { extra, body: offer }),
    inCall('INVITE', { extra, body: offer }),
    inCall('INFO', { body: 'Signal=5\r\nDuration=160\r\n' }),
    inCall('PRACK', { extra: ['RAck: 1 1 INVITE'] }),
    inCall('OPTIONS'),
  ];
}

/** Ends the calls that were taken: a caller may say BYE before the ACK (RFC 3261 section 15). */
async function endAll(peer, server) {
  const taken = peer.received.filter((r) => r.method === 'INVITE' && r.status === 200);
  const line = (text, name) => text.match(new RegExp(`^${name}: .*$`, 'im'))?.[0];
  for (const [i, { text, contact }] of taken.entries()) {
    const same = ['From', 'To', 'Call-ID'].map((name) => line(text, name));
    if (same.includes(undefined)) continue;
    const via = `Via: SIP/2.0/${peer.transport} ${peer.address}:${peer.port};branch=z9hG4bKend${i}`;
    const lines = [`BYE ${contact ?? `sip:${server.sip}`} SIP/2.0`, via, ...same, 'CSeq: 100000 BYE', 'Max-Forwards: 70', 'Content-Length: 0'];
    await peer.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  }
  return taken.length;
}

/** By the door's own answers nothing was reached: they have no agent. */
const isByTheStack = ({ status, text }) => status >= 200 && /^User-Agent: conference/im.test(text);

for (const transport of ['UDP', 'TCP']) {
  test(`2,000 requests by ${transport} that are odd inside, from a source that may send so many`, async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server();
    // In a room of their own: the good call is not to hear their chimes.
    await server.cli(['number', 'add', '3001', '--account', ACCOUNT.email]);
    const good = await fixture.goodCall();
    const peer = transport === 'UDP' ? await fixture.datagrams() : await fixture.stream();
    const up = peer.newCall('3001');
    await peer.send(peer.request(up, 'INVITE', { body: peer.offer(peer.port) }));
    const { tag } = await peer.response('200', (r) => r.method === 'INVITE' && r.status === 200);
    await peer.send(peer.request(up, 'ACK', { toTag: tag, branch: `${up.branch}a` }));
    const models = requests(peer, '3001', up, tag);
    const random = seeded(SEED);
    await inBursts(DATAGRAMS, (i) => peer.send(oddInside(random, models[i % models.length]())));
    const probe = peer.newCall('3001');
    await peer.send(peer.request(probe, 'OPTIONS'));
    await peer.response('200 to OPTIONS', (r) => r.method === 'OPTIONS' && r.status === 200 && r.text.includes(probe.callId), 20_000);
    const reached = peer.received.filter(isByTheStack);
    const taken = await endAll(peer, server);
    const statuses = [...new Set(reached.map(({ status }) => status))].sort();
    const counts = statuses.map((status) => `${reached.filter((r) => r.status === status).length} times ${status}`);
    t.diagnostic(`answered behind the door: ${counts.join(', ')}; ${taken} calls taken`);
    assert.ok(reached.length > DATAGRAMS / 4, `${reached.length} of ${DATAGRAMS} were answered behind the door`);
    await sipp(server, 'options');
    await sipp(server, 'call');
    await good.assertNoGap(t);
    await server.assertAlive();
    assert.doesNotMatch(server.child.output, /panicked/);
  });
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
