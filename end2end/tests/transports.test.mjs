// TCP, TLS and IPv6: the same calls by each of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { NUMBER } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';

/** Calls the room on a connection; what follows in the dialog goes the same way. */
async function callOn(peer) {
  const call = peer.newCall(NUMBER);
  await peer.send(peer.request(call, 'INVITE', { body: peer.offer(40_000) }));
  const answer = await peer.response('200', (r) => r.method === 'INVITE' && r.status === 200 && r.text.includes(call.callId));
  await peer.send(peer.request(call, 'ACK', { toTag: answer.tag, branch: `${call.branch}a` }));
  return { call, answer };
}

async function hangUp(peer, { call, answer }) {
  await peer.send(peer.request(call, 'BYE', { toTag: answer.tag, branch: `${call.branch}b`, cseq: 2 }));
  await peer.response('200 to BYE', (r) => r.method === 'BYE' && r.status === 200);
}

for (const [name, options] of [
  ['TCP', {}],
  ['TLS', { tls: true }],
]) {
  test(`a call by ${name}, which the server ends on the same connection`, async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server({ tls: true });
    const { follow } = await server.addresses();
    const peer = await fixture.stream(options);
    const up = await callOn(peer);
    const bound = name === 'TLS' ? server.tls : server.sip;
    assert.ok(up.answer.contact.includes(`@${bound};transport=${name}`), up.answer.contact);
    await server.untilMembers(follow, 1);
    await hangUp(peer, up);
    await server.untilMembers(follow, 0);
    await callOn(peer);
    await server.untilMembers(follow, 1);
    server.child.signal('SIGTERM');
    await until('a BYE of the server', () => /^BYE sip:/m.test(peer.text));
    assert.match(peer.text, new RegExp(`^Via: SIP/2.0/${name} ${bound};`, 'm'));
  });
}

test('a certificate that changes is shown to the next caller, and the calls before stay', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ tls: true });
  const { follow } = await server.addresses();
  const first = await fixture.stream({ tls: true });
  assert.equal(first.shownName, 'localhost');
  const up = await callOn(first);
  await server.newCertificate('other.example');
  server.child.signal('SIGHUP');
  await server.child.waitForOutput(/the certificate for TLS was read again/);
  const second = await fixture.stream({ tls: true });
  assert.equal(second.shownName, 'other.example');
  await server.untilMembers(follow, 1);
  await hangUp(first, up);
});

test('two line ends are answered by one', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const peer = await fixture.stream();
  peer.send('\r\n\r\n');
  await until('a line end', () => peer.text === '\r\n');
  peer.send(peer.request(peer.newCall(NUMBER), 'OPTIONS'));
  await peer.response('200', (r) => r.status === 200);
});

test('IPv4 and IPv6 at one port, each answered from its own', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ ipv6: true });
  const { follow } = await server.addresses();
  for (const address of ['127.0.0.1', '::1']) {
    const peer = await fixture.datagrams(address);
    const up = await callOn(peer);
    assert.ok(up.answer.contact.endsWith(`@${peer.host}:${peer.targetPort}`), up.answer.contact);
    const family = address === '::1' ? 'IP6 ::1' : 'IP4 127.0.0.1';
    assert.match(up.answer.text, new RegExp(`^c=IN ${family}\r$`, 'm'));
  }
  await server.untilMembers(follow, 2);
});

for (const [name, options] of [
  ['TCP', {}],
  ['TLS', { tls: true }],
]) {
  test(`a telephone whose ${name} connection has closed is reached by the one of its next request`, async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server({ tls: true });
    const { follow } = await server.addresses();
    const first = await fixture.stream(options);
    const { call, answer } = await callOn(first);
    await server.untilMembers(follow, 1);
    first.close();
    // Its Contact is still the port of the first, where nobody listens: as if a translator lay between.
    const second = await fixture.stream(options);
    const request = second.request(call, 'INFO', { toTag: answer.tag, branch: `${call.branch}i`, cseq: 2 });
    second.send(request.replace(/^Contact: .*$/m, `Contact: <sip:5000@10.1.2.3:${first.port}>`));
    await second.response('200 to INFO', (r) => r.method === 'INFO' && r.status === 200);
    server.child.signal('SIGTERM');
    await until('a BYE of the server', () => /^BYE sip:/m.test(second.text));
    assert.match(second.text, new RegExp(`^Via: SIP/2.0/${name} `, 'm'));
  });
}
