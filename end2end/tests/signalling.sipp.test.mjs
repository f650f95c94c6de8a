// SIP as SIPp speaks it, and as no phone would: every answer that RFC 3261 owes, and no end of the process.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { malformedMessages } from '../lib/malformed.mjs';
import { freePorts } from '../lib/ports.mjs';
import { NUMBER } from '../lib/server.mjs';
import { OTHER_CODECS, sipp } from '../lib/sipp.mjs';
import { until } from '../lib/wait.mjs';

/** Counts the datagrams at a port. */
async function counter(fixture, port) {
  const socket = dgram.createSocket('udp4');
  const counted = { packets: 0 };
  socket.on('message', () => (counted.packets += 1));
  await new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve));
  fixture.use({ stop: () => socket.close() });
  return counted;
}

test('calls, refusals and requests are answered as RFC 3261 has it', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();

  await t.test('INVITE, 200 with G.711, ACK, BYE', () => sipp(server, 'call'));
  await t.test('twenty calls at once', () => sipp(server, 'call', { calls: 20 }));
  await t.test('OPTIONS: 200 with Allow and Accept', () => sipp(server, 'options'));
  await t.test('an unknown number: 404', () =>
    sipp(server, 'refused', { number: '3999', replace: { STATUS: '404' } }));
  await t.test('a word instead of a number: 404', () =>
    sipp(server, 'refused', { number: 'reception', replace: { STATUS: '404' } }));
  await t.test('no common codec: 488', () => 
    sipp(server, 'refused', { replace: { STATUS: '488', ...OTHER_CODECS } }));
  for (const method of ['REGISTER', 'MESSAGE', 'PUBLISH']) {
    await t.test(`${method}: 405 with Allow`, () => sipp(server, 'method', { replace: { METHOD: method, STATUS: '405' } }));
  }
  await t.test('a method that nobody knows: 501 with Allow', () =>
    sipp(server, 'method', { replace: { METHOD: 'JUMP', STATUS: '501' } }));
  await t.test('hold: sendonly is answered by recvonly, inactive by inactive, an address of zeros by recvonly', () => sipp(server, 'hold'));
  await t.test('all of them are gone', () => server.untilMembers(follow, 0));
  await server.assertAlive();
});

test('a re-INVITE moves the sound to another port', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const ports = await freePorts();
  const [first, second] = [await counter(fixture, ports), await counter(fixture, ports + 2)];
  const call = await fixture.sipp('move', { keys: { first_port: ports, second_port: ports + 2 } });
  await until('sound at the first port', () => first.packets >= 20);
  assert.equal(second.packets, 0, 'sound went to a port that was not offered yet');
  await until('sound at the second port', () => second.packets >= 5);
  const before = first.packets;
  await until('more sound at the second port', () => second.packets >= 25);
  assert.ok(first.packets <= before + 1, `${first.packets - before} packets more went to the port that was left`);
  await call.done;
});

test('a CANCEL ends the call that it meets, answered or not', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const peer = await fixture.datagrams();
  let cancelled = 0;
  const rounds = 20;
  for (let round = 0; round < rounds; round += 1) {
    const call = peer.newCall(NUMBER);
    const mine = (method) => (r) => r.method === method && r.status >= 200 && r.text.includes(call.callId);
    await peer.send(peer.request(call, 'INVITE', { body: peer.offer(await freePorts(2)) }));
    // Every other time as RFC 3261 section 9.1 wants it, after a provisional answer; else at once, to be faster than the 200.
    if (round % 2 === 0) await peer.response('100 or 180', (r) => r.method === 'INVITE' && r.text.includes(call.callId));
    await peer.send(peer.request(call, 'CANCEL'));
    const [final, answer] = [
      await peer.response('a final answer to INVITE', mine('INVITE')),
      await peer.response('an answer to CANCEL', mine('CANCEL')),
    ];
    if (final.status === 487) {
      cancelled += 1;
      assert.equal(answer.status, 200);
      await peer.send(peer.request(call, 'ACK', { toTag: final.tag }));
    } else {
      assert.equal(final.status, 200, final.text);
      assert.ok([200, 481].includes(answer.status), answer.text);
      await peer.send(peer.request(call, 'ACK', { toTag: final.tag, branch: `${call.branch}a` }));
      await peer.send(peer.request(call, 'BYE', { toTag: final.tag, branch: `${call.branch}b`, cseq: 2 }));
      assert.equal((await peer.response('an answer to BYE', mine('BYE'))).status, 200);
    }
  }
  t.diagnostic(`${cancelled} of ${rounds} calls were cancelled, the others answered before`);
  await server.untilMembers(follow, 0);
  await server.assertAlive();
});

test('retransmissions make no second call, and 200 is sent again until ACK', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  const invite = peer.request(call, 'INVITE', { body: peer.offer(await freePorts(2)) });
  for (let i = 0; i < 3; i += 1) await peer.send(invite);
  const answers = () => peer.received.filter((r) => r.method === 'INVITE' && r.status === 200);
  // RFC 3261 section 13.3.1.4: after T1, then 2 T1.
  await until('200 three times', () => answers().length >= 3);
  const tags = new Set(answers().map((r) => r.tag));
  assert.equal(tags.size, 1, `one INVITE made ${tags.size} dialogs`);
  const [toTag] = tags;
  await peer.send(peer.request(call, 'ACK', { toTag, branch: `${call.branch}a` }));
  await peer.send(peer.request(call, 'BYE', { toTag, branch: `${call.branch}b`, cseq: 2 }));
  await peer.response('200 to BYE', (r) => r.method === 'BYE' && r.status === 200);
  await peer.send(peer.request(call, 'BYE', { toTag, branch: `${call.branch}c`, cseq: 3 }));
  await peer.response('481 to a second BYE', (r) => r.method === 'BYE' && r.status === 481);
});

test('a shut-down sends BYE to every call and ends with 0', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const calls = await fixture.sipp('until-bye', { calls: 5 });
  await server.untilMembers(follow, 5);
  server.child.signal('SIGTERM');
  await calls.done;
  assert.deepEqual(await server.child.ended, { code: 0, signal: null }, server.child.tail());
});

test('malformed messages are survived, and the next call is taken', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const peer = await fixture.datagrams();
  for (const [what, data] of malformedMessages(peer, NUMBER)) {
    await peer.send(data);
    const probe = peer.newCall(NUMBER);
    await peer.send(peer.request(probe, 'OPTIONS'));
    await peer
      .response(`an answer to OPTIONS after ${what}`, (r) => r.status === 200 && r.text.includes(probe.callId))
      .catch((error) => assert.fail(`${error.message}\n${server.child.tail()}`));
  }
  await sipp(server, 'call');
  await server.assertAlive();
});
