// Encrypted sound (SRTP with keys in the SDP), reports on the port of the sound, and what may not be heard.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { rtpPacket } from '../lib/datagrams.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { assertHearing } from '../lib/hearing.mjs';
import { NUMBER } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';
import { muLaw, sine } from '../lib/wav.mjs';

const SRTP = { settings: ['module srtp.so'], account: ';mediaenc=srtp-mand' };
const RATE_HZ = 8000;

test('encrypted and plain baresips hear each other', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const [secure] = await fixture.phones({ 4001: 450 }, SRTP);
  const [wide] = await fixture.phones({ 4002: 650 }, { ...SRTP, codec: 'G722' });
  const [plain] = await fixture.phones({ 4003: 850 });
  for (const phone of [secure, wide, plain]) await phone.call(server, NUMBER);
  for (const phone of [secure, wide]) await phone.child.waitForOutput(/SRTP is Enabled/);
  await assertHearing(t, [
    { phone: secure, heard: [650, 850], notHeard: [450] },
    { phone: wide, heard: [450, 850], notHeard: [650] },
    { phone: plain, heard: [450, 650], notHeard: [850] },
  ]);
  // Its reports are encrypted too, both ways: baresip says how its own packets arrive by what we tell it.
  await secure.reports((report) => report.tx.sent > 0 && report.rtt > 0);
});

test('a baresip by TLS, whose key nobody on the way can read, one by TCP and one by UDP hear each other', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ tls: true });
  const [tls] = await fixture.phones({ 4001: 450 }, SRTP);
  const [tcp, udp] = await fixture.phones({ 4002: 650, 4003: 850 });
  await tls.call(server, NUMBER, 'tls');
  assert.doesNotMatch(server.child.output, /key came in the clear/);
  await tcp.call(server, NUMBER, 'tcp');
  await udp.call(server, NUMBER);
  await tls.child.waitForOutput(/SRTP is Enabled/);
  await assertHearing(t, [
    { phone: tls, heard: [650, 850], notHeard: [450] },
    { phone: tcp, heard: [450, 850], notHeard: [650] },
    { phone: udp, heard: [450, 650], notHeard: [850] },
  ]);
  for (const phone of [tls, tcp]) await phone.hangUp();
});

test('a phone that offers encryption for whoever understands it gets it', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const [best] = await fixture.phones({ 4001: 450 }, { ...SRTP, account: ';mediaenc=srtp' });
  const [plain] = await fixture.phones({ 4002: 650 });
  for (const phone of [best, plain]) await phone.call(server, NUMBER);
  await best.child.waitForOutput(/SRTP is Enabled/);
  await assertHearing(t, [
    { phone: best, heard: [650], notHeard: [450] },
    { phone: plain, heard: [450], notHeard: [650] },
  ]);
});

test('reports come and go by the port of the sound where that is agreed upon', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const [first] = await fixture.phones({ 4001: 450 }, { ...SRTP, settings: [...SRTP.settings, 'rtcp_mux yes'] });
  const [second] = await fixture.phones({ 4002: 650 }, { settings: ['rtcp_mux yes'] });
  for (const phone of [first, second]) await phone.call(server, NUMBER);
  await assertHearing(t, [
    { phone: first, heard: [650], notHeard: [450] },
    { phone: second, heard: [450], notHeard: [650] },
  ]);
  for (const phone of [first, second]) await phone.reports((report) => report.tx.sent > 0 && report.rtt > 0);
});

/** An offer of encrypted sound, with a key of its own. */
function secureOffer(peer, port, suite = 'AES_CM_128_HMAC_SHA1_80', keyBytes = 30) {
  const key = randomBytes(keyBytes).toString('base64');
  return peer.offer(port).replace('RTP/AVP', 'RTP/SAVP').concat(`a=crypto:1 ${suite} inline:${key}\r\n`);
}

const SUITES = [
  ['AES_CM_128_HMAC_SHA1_80', 30, 10],
  ['AES_CM_128_HMAC_SHA1_32', 30, 4],
  ['AEAD_AES_128_GCM', 28, 16],
  ['AEAD_AES_256_GCM', 44, 16],
];

test('each suite is answered by its name with a key of ours, and its packets are as long as it makes them', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const keys = new Set();
  for (const [suite, keyBytes, tagBytes] of SUITES) {
    const [signalling, media] = [await fixture.datagrams(), await fixture.datagrams()];
    const answer = await signalling.call(NUMBER, secureOffer(signalling, media.port, suite, keyBytes));
    assert.match(answer, /^m=audio [1-9]\d* RTP\/SAVP 0 101\r$/m);
    const [, name, key] = answer.match(/^a=crypto:1 (\S+) inline:(\S+)\r$/m) ?? [];
    assert.equal(name, suite, answer);
    assert.equal(Buffer.from(key, 'base64').length, keyBytes);
    keys.add(key);
    await until('packets', () => media.rtp().length >= 10);
    for (const packet of media.rtp()) assert.equal(packet.payloadBytes, 160 + tagBytes);
  }
  assert.equal(keys.size, SUITES.length);
});

/** The response to an INVITE of `call`. */
async function invite(peer, call, options) {
  const branch = `${call.branch}${options.cseq}`;
  await peer.send(peer.request(call, 'INVITE', { branch, ...options }));
  const mine = ({ status, text }) => status >= 200 && text.includes(`branch=${branch}`);
  const response = await peer.response('the answer', mine);
  const ackBranch = response.status === 200 ? `${branch}a` : branch;
  await peer.send(peer.request(call, 'ACK', { ...options, body: '', toTag: response.tag, branch: ackBranch }));
  return response;
}

test('an encrypted call stays encrypted', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const [peer, media] = [await fixture.datagrams(), await fixture.datagrams()];
  const call = peer.newCall(NUMBER);
  const offer = secureOffer(peer, media.port);
  const { status, tag: toTag, text } = await invite(peer, call, { cseq: 1, body: offer });
  assert.equal(status, 200);
  const key = (answer) => answer.match(/^a=crypto:(.*)\r$/m)[1];
  const plain = await invite(peer, call, { cseq: 2, toTag, body: peer.offer(media.port) });
  assert.equal(plain.status, 488, plain.text);
  assert.match(plain.text, /^Warning: 399 .*RTP\/SAVP/m);
  // The call goes on, with the key that it had.
  const again = await invite(peer, call, { cseq: 3, toTag, body: offer });
  assert.equal(again.status, 200);
  assert.equal(key(again.text), key(text));
  const anew = await invite(peer, call, { cseq: 4, toTag, body: secureOffer(peer, media.port) });
  assert.notEqual(key(anew.text), key(text), 'a new key of the phone is answered by a new one of ours');
});

test('where encryption is required, plain calls are refused, and where it is off, encrypted ones', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ flags: { '--srtp': 'required' } });
  const [plain] = await fixture.phones({ 4001: 450 });
  assert.match(await plain.tryCall(server, NUMBER), /^488/);
  const [secure] = await fixture.phones({ 4002: 650 }, SRTP);
  await secure.call(server, NUMBER);
  await secure.hangUp();
  server.flags = { '--srtp': 'off' };
  await server.child.stop({ politelyMs: 10_000 });
  await server.run();
  assert.match(await secure.tryCall(server, NUMBER), /^488/);
  assert.equal(await plain.tryCall(server, NUMBER), undefined);
});

test('who sends to the ports of an encrypted call is not heard', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const [talker, listener] = await fixture.phones({ 4001: 450, 4002: 650 }, SRTP);
  for (const phone of [talker, listener]) await phone.call(server, NUMBER);
  await listener.recording.hears({ heard: [450], notHeard: [650] });
  const stranger = await fixture.datagrams();
  const port = await talker.mediaPort();
  const voice = muLaw(sine(1250, 0.02, RATE_HZ));
  let sequence = 0;
  const timer = setInterval(() => stranger.send(rtpPacket((sequence += 1), voice), port), 20);
  fixture.use({ stop: () => clearInterval(timer) });
  await assertHearing(t, [{ phone: listener, heard: [450], notHeard: [650, 1250] }]);
});
