// The messages of RFC 4475, all of them, over UDP and TCP, to the running server, beside a good call.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { until } from '../lib/wait.mjs';

const FOLDER = join(import.meta.dirname, '../data/rfc4475');
/** An incomplete message is waited for on a stream, then its connection is closed. */
const CLOSED_WITHIN_MS = 15_000;

const nothing = 'nothing';
/** What TCP gives where it is not what UDP gives: an answer, or nothing, and then the end of the connection. */
const closed = (status = nothing) => ({ status, closed: true });

/**
 * For each message the status that is answered over UDP; over TCP, if it is another; and where RFC 4475 leaves a choice, or we
 * differ from what it prefers, why.
 */
const EXPECTED = {
  wsinv: [481, 481, 'To has a tag, of a dialog that nobody knows'],
  intmeth: [501],
  esc01: [404, 404, 'well read; the number is none of ours'],
  escnull: [405, 405, 'we are no registrar'],
  esc02: [501],
  lwsdisp: [200],
  longreq: [404, 404, 'well read; the number is none of ours'],
  dblreq: [405, closed(405), 'we are no registrar; on a stream the INVITE behind it is a message too, and what follows that is none'],
  semiuri: [200],
  transports: [200],
  mpart01: [405, 405, 'MESSAGE is not served'],
  unreason: [nothing],
  noreason: [nothing],
  badinv01: [400],
  clerr: [400, closed()],
  ncl: [400, closed(400)],
  scalar02: [400],
  scalarlg: [nothing],
  quotbal: [400],
  ltgtruri: [400],
  lwsruri: [400],
  lwsstart: [400],
  trws: [400],
  escruri: [400],
  baddate: [404, 404, 'Date means nothing to us; the number is none of ours'],
  regbadct: [405, 405, 'we are no registrar, whatever Contact says'],
  badaspec: [400],
  baddn: [400, closed(), 'the file ends without the empty line, which a stream waits for'],
  badvers: [505],
  mismatch01: [400],
  mismatch02: [501],
  bigcode: [nothing],
  badbranch: [400],
  insuf: [400],
  unkscm: [416],
  novelsc: [416],
  unksm2: [405, 405, 'we are no registrar'],
  bext01: [420],
  invut: [415],
  regaut01: [405, 405, 'we are no registrar'],
  multi01: [400],
  mcl01: [400, closed(400)],
  bcast: [nothing],
  zeromf: [200],
  cparam01: [405, 405, 'we are no registrar'],
  cparam02: [405, 405, 'we are no registrar'],
  regescrt: [405, 405, 'we are no registrar'],
  sdp01: [406],
  inv2543: [400, closed(400), 'no tag in From, no Contact: RFC 2543 is not spoken, and a stream needs a length'],
};

const message = (name) => readFileSync(join(FOLDER, `${name}.dat`));
const headers = (text, name) => text.match(new RegExp(`^${name}:.*$`, 'gim')) ?? [];

/** The final answer to the message, or else to what is behind it on the stream: they come in either order. */
function final(peer, probe, name) {
  const finals = peer.received.filter((r) => r.status >= 200 && !r.text.includes(probe.callId));
  const callId = message(name).toString('latin1').match(/^(?:Call-ID|i)\s*:\s*(\S+)/im)?.[1];
  return finals.find((r) => r.text.includes(callId)) ?? finals[0];
}

/** Sends a message from a socket of its own, then an OPTIONS, whose answer shows that the message was dealt with. */
async function statusFor(peer, name, expected) {
  const probe = peer.newCall('probe');
  await peer.send(message(name));
  if (expected.closed) {
    await peer.untilClosed(CLOSED_WITHIN_MS);
  } else {
    await peer.send(peer.request(probe, 'OPTIONS'));
    await peer.response(`the probe behind ${name}`, (r) => r.text.includes(probe.callId));
    if (expected !== nothing) await until(`an answer to ${name}`, () => final(peer, probe, name));
  }
  return final(peer, probe, name);
}

function check(name, answer, expected) {
  const status = expected.status ?? expected;
  assert.equal(answer?.status ?? nothing, status, `${name}: ${answer?.text}`);
  if (status === 501 || status === 405) assert.ok(headers(answer.text, 'Allow').length > 0, `${name}: ${status} without Allow`);
  if (status === 420) assert.deepEqual(unsupported(answer.text), ['nothingsupportsthis', 'nothingsupportsthiseither']);
  if (name === 'transports') {
    const vias = headers(answer.text, 'Via').join(',').match(/\bt\d\.example/g);
    assert.deepEqual(vias, ['t1.example', 't2.example', 't3.example', 't4.example', 't5.example']);
  }
  if (name === 'sdp01') assert.ok(!answer.text.includes('\r\nm=audio'), 'SDP for somebody who does not want it');
}

const unsupported = (text) =>
  headers(text, 'Unsupported')
    .flatMap((line) => line.split(':')[1].split(','))
    .map((tag) => tag.trim().toLowerCase());

test('each message has its expectation', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.dat'));
  assert.deepEqual(files.map((name) => name.replace('.dat', '')).sort(), Object.keys(EXPECTED).sort());
  assert.equal(files.length, 49);
});

for (const [transport, open] of [
  ['UDP', (fixture) => fixture.datagrams()],
  ['TCP', (fixture) => fixture.stream()],
]) {
  test(`all 49 over ${transport}, and a good call beside them`, async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server();
    const good = await fixture.goodCall();
    for (const [name, [udp, tcp = udp]] of Object.entries(EXPECTED)) {
      const expected = transport === 'UDP' ? udp : tcp;
      await t.test(`${name}: ${JSON.stringify(expected)}`, async () => {
        const peer = await open(fixture);
        check(name, await statusFor(peer, name, expected), expected);
        if (!expected.closed) peer.close();
      });
    }
    await good.assertNoGap(t);
    await server.assertAlive();
  });
}

test('names with commas are refused for themselves', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const peer = await fixture.datagrams();
  await peer.send(Buffer.concat([message('baddn'), Buffer.from('\r\n')]));
  const answer = await peer.response('400', (r) => r.status === 400);
  assert.match(answer.text, /^Warning: .*From, To or Contact/m);
});
