// Floods, and those who hold on to connections: a conference beside them has no gap, and memory stays where it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { malformedMessages } from '../lib/malformed.mjs';
import { Child } from '../lib/process.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sipp } from '../lib/sipp.mjs';
import { bounded, until } from '../lib/wait.mjs';

const RATE = 20_000;
const SECONDS = 6;
const FLOODER = '127.0.0.9';
const CONNECTIONS = 2_000;
/** What the allocator may keep of what went by. */
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
const CLOSED_WITHIN_MS = 15_000;

/** Says what memory did since, and fails where it grew. */
function memory(server) {
  const before = server.resources();
  return (t) => {
    const { residentBytes, files } = server.resources();
    const grown = residentBytes - before.residentBytes;
    const mib = (bytes) => (bytes / 1024 / 1024).toFixed(1);
    t.diagnostic(`memory ${mib(before.residentBytes)} MiB, then ${mib(grown)} MiB more; files ${before.files}, then ${files}`);
    assert.ok(grown < MAX_GROWTH_BYTES, `memory has grown by ${mib(grown)} MiB`);
  };
}

/** Datagrams that are refused or dropped: no two of the malformed are alike. */
function badDatagrams(peer) {
  return malformedMessages(peer, NUMBER)
    .map(([, data]) => Buffer.from(data))
    .filter((data) => data.length > 0 && data.length < 2_000);
}

function flood(fixture, server, datagrams) {
  const script = new URL('../lib/flood.mjs', import.meta.url).pathname;
  const args = [script, server.sip, FLOODER, RATE, SECONDS].map(String);
  const child = fixture.use(new Child(process.execPath, args, { stdin: 'pipe' }));
  child.process.stdin.end(datagrams.map((data) => data.toString('base64')).join('\n'));
  return child;
}

test(`${RATE} bad messages a second from one address`, async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const stranger = await fixture.datagrams('127.0.0.2');
  // Code and tables that every first message needs are no growth.
  for (const data of badDatagrams(stranger)) await stranger.send(data);
  await sipp(server, 'call');
  const good = await fixture.goodCall();
  const grown = memory(server);
  const flooding = flood(fixture, server, badDatagrams(await fixture.datagrams(FLOODER)));
  // All others are served meanwhile.
  await sipp(server, 'options');
  await sipp(server, 'call');
  const probe = stranger.newCall(NUMBER);
  await stranger.send(stranger.request(probe, 'OPTIONS'));
  await stranger.response('200', (r) => r.status === 200 && r.text.includes(probe.callId));
  assert.ok(flooding.running, 'the flood was over before the others were served');
  const { code } = await bounded('the flood', flooding.ended, 60_000);
  assert.equal(code, 0, flooding.tail());
  t.diagnostic(flooding.output.trim());
  grown(t);
  await good.assertNoGap(t);
  const told = await server.child.waitForOutput(/SIP dropped or refused at the door.*too_many=(\d+)/, 12_000);
  assert.ok(Number(told[1]) > RATE, `only ${told[1]} were dropped`);
  await server.assertAlive();
});

test(`${CONNECTIONS} idle TCP connections`, async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const good = await fixture.goodCall();
  const grown = memory(server);
  const streams = [];
  for (let i = 0; i < CONNECTIONS; i += 1) streams.push(await fixture.stream({ address: FLOODER }));
  await until('most of them to be closed', () => streams.filter((s) => !s.isClosed).length <= 50);
  const kept = streams.filter((stream) => !stream.isClosed);
  t.diagnostic(`${kept.length} of ${CONNECTIONS} are kept`);
  grown(t);
  const other = await fixture.stream();
  await other.send(other.request(other.newCall(NUMBER), 'OPTIONS'));
  await other.response('200 for somebody else', (r) => r.status === 200);
  await Promise.all(kept.map((stream) => stream.untilClosed(CLOSED_WITHIN_MS)));
  await good.assertNoGap(t);
  await server.assertAlive();
});

test('who writes too slowly, too much, or no handshake is cut off', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ tls: true });
  const good = await fixture.goodCall();
  const grown = memory(server);

  await t.test('a message that never ends', async () => {
    const slow = await fixture.stream({ address: FLOODER });
    const letters = slow.request(slow.newCall(NUMBER), 'OPTIONS').split('');
    const timer = setInterval(() => slow.send(letters.shift() ?? ''), 200);
    fixture.use({ stop: () => clearInterval(timer) });
    await slow.untilClosed(CLOSED_WITHIN_MS);
    assert.equal(slow.received.length, 0);
  });

  await t.test('a handshake that never ends', async () => {
    const silent = await fixture.stream({ address: FLOODER, tls: true, handshake: false });
    silent.send(Buffer.from([22, 3, 1]));
    await silent.untilClosed(CLOSED_WITHIN_MS);
  });

  await t.test('ten megabytes in a body', async () => {
    const heavy = await fixture.stream({ address: FLOODER });
    const body = 'x'.repeat(10_000_000);
    heavy.send(heavy.request(heavy.newCall(NUMBER), 'INVITE', { body }));
    await heavy.response('513', (r) => r.status === 513);
    await heavy.untilClosed(CLOSED_WITHIN_MS);
  });

  await t.test('ten megabytes of headers', async () => {
    const heavy = await fixture.stream({ address: FLOODER });
    heavy.send(heavy.request(heavy.newCall(NUMBER), 'INVITE', { extra: [`Subject: ${'x'.repeat(10_000_000)}`] }));
    await heavy.untilClosed(CLOSED_WITHIN_MS);
  });

  await t.test('somebody who never reads', async () => {
    const deaf = await fixture.stream({ address: FLOODER });
    deaf.socket.pause();
    const requests = Array.from({ length: 200 }, () => deaf.request(deaf.newCall(NUMBER), 'OPTIONS'));
    const timer = setInterval(() => !deaf.isClosed && deaf.send(requests.join('')), 100);
    fixture.use({ stop: () => clearInterval(timer) });
    const other = await fixture.stream();
    await other.send(other.request(other.newCall(NUMBER), 'OPTIONS'));
    await other.response('200 for somebody else', (r) => r.status === 200);
  });

  grown(t);
  await good.assertNoGap(t);
  await server.assertAlive();
});
