// What a carrier's trunk asks of a SIP server beyond a call: session timers, reliable ringing, late offers, hold, glare,
// bodies in parts, odd headers and addresses, and the refusals that RFC 3261 owes.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { freePorts } from '../lib/ports.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sipp } from '../lib/sipp.mjs';
import { until } from '../lib/wait.mjs';

/** The server refreshes a session of 90 s, the shortest there is, after 45 s. */
const REFRESH_WITHIN_SECONDS = 60;

/** Keeps the payload types of what comes to a port. */
async function listener(fixture, port) {
  const socket = dgram.createSocket('udp4');
  const heard = [];
  socket.on('message', (bytes) => heard.push(bytes[1] & 0x7f));
  await new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve));
  fixture.use({ stop: () => socket.close() });
  return heard;
}

const INVITE_LINE = 'INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0';
const OFFER_TYPE = '      Content-Type: application/sdp\n      Content-Length: [len]';

/** Makes `refused` expect `status`, and changes its INVITE. */
const refusal = (status, replace) => ({ replace: { STATUS: String(status), ...replace } });
const withHeaders = (...headers) => ({ [OFFER_TYPE]: [...headers.map((h) => `      ${h}`), OFFER_TYPE].join('\n') });

test('what cannot be served is refused as RFC 3261 section 8.2 has it', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const refused = async (name, status, replace, says) => {
    await t.test(`${name}: ${status}`, async () => {
      const messages = await sipp(server, 'refused', refusal(status, replace));
      if (says) assert.match(messages, says);
    });
  };
  await refused('an extension that nobody knows', 420, withHeaders('Require: timer, foo', 'Proxy-Require: bar'), /^Unsupported: foo\r?$/m);
  await refused('no hops left', 483, { 'Max-Forwards: 70': 'Max-Forwards: 0' });
  await refused('an address of another kind', 416, { [INVITE_LINE]: 'INVITE isbn:2983792873 SIP/2.0' });
  await refused('a body of another kind', 415, { 'application/sdp': 'application/x-unknown' }, /^Accept: application\/sdp/m);
  await refused('a packed body', 415, withHeaders('Content-Encoding: gzip'), /^Accept-Encoding: identity\r?$/m);
  await refused('a caller who cannot read SDP', 406, withHeaders('Accept: text/plain'), /^Warning: 399/m);
  await refused('too short a session', 422, withHeaders('Supported: timer', 'Session-Expires: 60'), /^Min-SE: 90\r?$/m);
  await refused('no Contact', 400, { '      Contact: <sip:5000@[local_ip]:[local_port]>\n': '' });
  for (const [method, status] of Object.entries({ SUBSCRIBE: 489, NOTIFY: 489, REFER: 603, INFO: 481, PRACK: 481, UPDATE: 481 })) {
    await t.test(`${method} outside of a call: ${status}`, async () => {
      const peer = await fixture.datagrams();
      await peer.send(peer.request(peer.newCall(NUMBER), method));
      await peer.response(`${status} to ${method}`, (r) => r.method === method && r.status === status);
    });
  }
  await t.test('OPTIONS without hops left is for us, and answered', async () => {
    const peer = await fixture.datagrams();
    const options = peer.request(peer.newCall(NUMBER), 'OPTIONS');
    await peer.send(options.replace('Max-Forwards: 70', 'Max-Forwards: 0'));
    const { text } = await peer.response('200', (r) => r.method === 'OPTIONS' && r.status === 200);
    assert.match(text, /^Supported: timer, 100rel\r$/m);
  });
  await sipp(server, 'call');
  await server.assertAlive();
});

test('a call is taken in every form that it may have', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  await t.test('tel: with a context', () => sipp(server, 'call', { replace: { [INVITE_LINE]: `INVITE tel:${NUMBER};phone-context=example.org SIP/2.0` } }));
  await t.test('sip: with parameters in the user part', () =>
    sipp(server, 'call', { replace: { [INVITE_LINE]: 'INVITE sip:[service];npdi;phone-context=example.org@[remote_ip]:[remote_port];user=phone SIP/2.0' } }));
  await t.test('compact headers', () =>
    sipp(server, 'call', {
      replace: { '      Contact:': '      m:', '      Via:': '      v:', '      To:': '      t:', '      Content-Type:': '      c:' },
    }));
  await t.test('diverted by others', async () => {
    await sipp(server, 'call', {
      replace: withHeaders(
        'Diversion: <sip:+33123456789@example.org>;reason=user-busy;counter=1',
        'History-Info: <sip:+33198765432@example.org?Reason=SIP%3Bcause%3D302>;index=1',
      ),
    });
    await until('the diversions in the log', () => server.child.tail(200).includes('+33123456789 (user-busy), +33198765432 (302)'));
  });
  await t.test('folded headers', async () => {
    const peer = await fixture.datagrams();
    const call = peer.newCall(NUMBER);
    const invite = peer.request(call, 'INVITE', { body: peer.offer(await freePorts(2)), extra: ['Subject: hello\r\n there'] });
    await peer.send(invite.replace('From: ', 'From:\r\n\t').replace('Contact: ', 'Contact:\r\n  ').replace(' 1 INVITE', '\r\n 1\r\n INVITE'));
    await established(peer, call);
  });
  await t.test('a description among other parts, binary ones as well', async () => {
    const peer = await fixture.datagrams();
    const call = peer.newCall(NUMBER);
    const isup = '\x01\x00\x02--part\x7f\r';
    const body = [
      '--part', 'Content-Type: application/isup; version=itu-t92+', 'Content-Disposition: signal; handling=optional', '', isup,
      '--part', 'Content-Type: application/sdp', '', peer.offer(await freePorts(2)), '--part--', '',
    ].join('\r\n');
    const invite = peer.request(call, 'INVITE', { body });
    await peer.send(Buffer.from(invite.replace('Content-Type: application/sdp', 'Content-Type: multipart/mixed; boundary="part"'), 'latin1'));
    await established(peer, call);
  });
  await server.assertAlive();
});

/** Acknowledges the 200 to a call's INVITE, and ends the call. */
async function established(peer, call) {
  const mine = (method) => (r) => r.method === method && r.status >= 200 && r.text.includes(call.callId);
  const { status, tag, text } = await peer.response('an answer to INVITE', mine('INVITE'));
  assert.equal(status, 200, text);
  await peer.send(peer.request(call, 'ACK', { toTag: tag, branch: `${call.branch}a` }));
  await peer.send(peer.request(call, 'BYE', { toTag: tag, branch: `${call.branch}b`, cseq: 90 }));
  assert.equal((await peer.response('an answer to BYE', mine('BYE'))).status, 200);
}

test('one INVITE by two ways makes one call, and 482', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  const body = peer.offer(await freePorts(2));
  await peer.send(peer.request(call, 'INVITE', { body }));
  await peer.send(peer.request(call, 'INVITE', { body, branch: `${call.branch}fork` }));
  const second = await peer.response('482', (r) => r.status === 482);
  assert.match(second.text, new RegExp(`branch=${call.branch}fork`));
  await peer.send(peer.request(call, 'ACK', { branch: `${call.branch}fork`, toTag: second.tag }));
  const first = await peer.response('200', (r) => r.status === 200 && r.method === 'INVITE');
  await peer.send(peer.request(call, 'ACK', { branch: `${call.branch}a`, toTag: first.tag }));
  await peer.send(peer.request(call, 'BYE', { branch: `${call.branch}b`, toTag: first.tag, cseq: 2 }));
  await peer.response('200 to BYE', (r) => r.method === 'BYE' && r.status === 200);
});

test('ringing that has to arrive is sent until PRACK (RFC 3262)', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  await t.test('180, PRACK, 200', async () => {
    const messages = await sipp(server, 'reliable');
    const rang = messages.search(/SIP\/2.0 180/);
    const taken = messages.search(/SIP\/2.0 200 OK[^]*?CSeq: 1 INVITE/);
    const acknowledged = messages.search(/RAck: \d{2,} 1 INVITE/);
    assert.ok(rang < acknowledged && acknowledged < taken, '200 did not wait for PRACK');
    assert.equal(messages.match(/^SIP\/2.0 180/gm).length, 2, 'not sent again');
  });
  await t.test('our offer in the 183, the answer in PRACK', () => sipp(server, 'reliable-late'));
  await t.test('a caller who has gone: CANCEL, and BYE before the 200', async () => {
    const peer = await fixture.datagrams();
    for (const method of ['CANCEL', 'BYE']) {
      const call = peer.newCall(NUMBER);
      const mine = (m) => (r) => r.method === m && r.text.includes(call.callId);
      await peer.send(peer.request(call, 'INVITE', { body: peer.offer(await freePorts(2)), extra: ['Require: 100rel'] }));
      const ringing = await peer.response('180', (r) => mine('INVITE')(r) && r.status === 180);
      const bye = { toTag: ringing.tag, branch: `${call.branch}b`, cseq: 2 };
      await peer.send(peer.request(call, method, method === 'BYE' ? bye : {}));
      await peer.response(`200 to ${method}`, (r) => mine(method)(r) && r.status === 200);
      const ended = await peer.response('487', (r) => mine('INVITE')(r) && r.status === 487);
      assert.equal(ended.tag, ringing.tag, 'the refusal is of another dialog');
      await peer.send(peer.request(call, 'ACK', { toTag: ended.tag }));
    }
  });
  await server.assertAlive();
});

test('a late offer: the answer in the ACK says where the sound goes', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const ports = await freePorts();
  const [first, second] = [await listener(fixture, ports), await listener(fixture, ports + 2)];
  const call = await fixture.sipp('late-offer', { keys: { first_port: ports, second_port: ports + 2 } });
  await until('A-law at the first port', () => first.length >= 20);
  assert.deepEqual([...new Set(first)], [8]);
  assert.equal(second.length, 0);
  await until('µ-law at the second port', () => second.length >= 20);
  assert.deepEqual([...new Set(second)], [0]);
  await call.done;
});

test('a late offer without an answer ends the call', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  await peer.send(peer.request(call, 'INVITE'));
  const { tag } = await peer.response('200', (r) => r.status === 200);
  await peer.send(peer.request(call, 'ACK', { toTag: tag, branch: `${call.branch}a` }));
  await until('BYE', () => peer.received.some(({ text }) => text.startsWith('BYE ') && text.includes('no usable answer')));
});

test('while our offer waits for its answer, theirs gets 491', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  const body = peer.offer(await freePorts(2));
  const inDialog = (method, cseq, extra = {}) => peer.send(peer.request(call, method, { cseq, branch: `${call.branch}${cseq}`, ...extra }));
  const answered = (cseq, method) => (r) => r.status >= 200 && r.text.includes(`CSeq: ${cseq} ${method}`);
  await peer.send(peer.request(call, 'INVITE', { body }));
  const { tag: toTag } = await peer.response('200', answered(1, 'INVITE'));
  await inDialog('ACK', 1, { toTag, branch: `${call.branch}a` });
  await inDialog('INVITE', 2, { toTag });
  await peer.response('200 with an offer', (r) => answered(2, 'INVITE')(r) && r.text.includes('m=audio'));
  await inDialog('UPDATE', 3, { toTag, body });
  assert.equal((await peer.response('491', answered(3, 'UPDATE'))).status, 491);
  await inDialog('ACK', 2, { toTag, branch: `${call.branch}a2`, body });
  await inDialog('UPDATE', 4, { toTag, body });
  assert.equal((await peer.response('200', answered(4, 'UPDATE'))).status, 200);
  await inDialog('BYE', 5, { toTag });
  await peer.response('200 to BYE', answered(5, 'BYE'));
});

test('another codec by re-INVITE and by UPDATE', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const port = await freePorts();
  const heard = await listener(fixture, port);
  const call = await fixture.sipp('codec', { keys: { first_port: port } });
  await call.done;
  const order = heard.filter((payloadType, i) => payloadType !== heard[i - 1]);
  assert.deepEqual(order, [0, 8, 9]);
});

test('requests in a call have their answers, and the call goes on', async (t) => {
  const fixture = new Fixture(t);
  await sipp(await fixture.server(), 'in-dialog');
});

test('keys by INFO, from a phone without telephone-events', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=47'] });
  const { follow } = await server.addresses();
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  await peer.send(peer.request(call, 'INVITE', { body: peer.offer(await freePorts(2), { formats: '0', attributes: [] }) }));
  const { tag: toTag } = await peer.response('200', (r) => r.status === 200);
  await peer.send(peer.request(call, 'ACK', { toTag, branch: `${call.branch}a` }));
  for (const [i, key] of ['4', '7'].entries()) {
    const body = `Signal=${key}\r\nDuration=160\r\n`;
    const info = peer.request(call, 'INFO', { toTag, cseq: i + 2, branch: `${call.branch}${i}`, body });
    await peer.send(info.replace('application/sdp', 'application/dtmf-relay'));
    await peer.response('200 to INFO', (r) => r.status === 200 && r.text.includes(`CSeq: ${i + 2} INFO`));
  }
  await server.untilMembers(follow, 1);
});

test('a locked room says so before it refuses', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow, control } = await server.addresses();
  await fixture.sipp('until-bye');
  await server.untilMembers(follow, 1);
  const lock = await fetch(control, { method: 'POST', body: new URLSearchParams({ action: 'lock' }), redirect: 'manual' });
  assert.ok(lock.status < 400, `${lock.status}`);
  await until('the lock', async () => (await server.live(follow)).conference.locked);
  const port = await freePorts();
  const heard = await listener(fixture, port);
  await sipp(server, 'declined', { keys: { first_port: port }, replace: { STATUS: '480' } });
  assert.ok(heard.length >= 25, `${heard.length} packets of refusal, of 20 ms each`);
  const peer = await fixture.datagrams();
  // Without an offer there is nowhere to speak to.
  await peer.send(peer.request(peer.newCall(NUMBER), 'INVITE'));
  await peer.response('480', (r) => r.status === 480);
  assert.equal((await server.members(follow)).length, 1);
});

test('session timers (RFC 4028)', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const slow = { withinSeconds: REFRESH_WITHIN_SECONDS };
  // Those that wait do so together.
  const waiting = [fixture.sipp('timer-server', slow), fixture.sipp('glare', slow), missingAck(fixture), neverRefreshed(fixture)];
  waiting.forEach((started) => started.catch(() => {}));
  await t.test('the caller refreshes', () => sipp(server, 'timer-caller'));
  await t.test('an INVITE without ACK is ended by BYE after 64*T1', async () => waiting[2]);
  await t.test('the server refreshes by UPDATE', async () => (await waiting[0]).done);
  await t.test('the server refreshes by re-INVITE; a re-INVITE against it gets 491', async () => (await waiting[1]).done);
  await t.test('a session that its caller does not refresh is ended by BYE', async () => waiting[3]);
  await server.assertAlive();
});

/** A caller who promises to refresh the session, and does not: it ends 32 s before its 90 s are over (RFC 4028 section 10). On
 * hold, so that no sound is waited for. */
async function neverRefreshed(fixture) {
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  const extra = ['Supported: timer', 'Session-Expires: 90;refresher=uac'];
  const offer = peer.offer(await freePorts(2), { formats: '0', attributes: ['rtpmap:0 PCMU/8000', 'inactive'] });
  await peer.send(peer.request(call, 'INVITE', { body: offer, extra }));
  const { tag, text } = await peer.response('200', (r) => r.status === 200);
  assert.match(text, /^Session-Expires: 90;refresher=uac\r$/m);
  await peer.send(peer.request(call, 'ACK', { toTag: tag, branch: `${call.branch}a` }));
  const byes = () => peer.received.filter((received) => received.text.startsWith('BYE '));
  await until('BYE', () => byes().length > 0, { withinMs: 75_000 });
  assert.match(byes()[0].text, /^Reason: .*the session was not refreshed/m);
}

/** A caller who never acknowledges the 200. */
async function missingAck(fixture) {
  const peer = await fixture.datagrams();
  const call = peer.newCall(NUMBER);
  await peer.send(peer.request(call, 'INVITE', { body: peer.offer(await freePorts(2)) }));
  await peer.response('200', (r) => r.status === 200);
  await until('BYE', () => peer.received.some(({ text }) => text.startsWith('BYE ')), { withinMs: 40_000 });
}
