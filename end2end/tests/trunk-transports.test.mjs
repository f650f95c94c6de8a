// A trunk by TCP, by TLS and on IPv6: registration with a password, a call by the same way, the server's BYE and its farewell.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Fixture } from '../lib/fixture.mjs';
import { freePorts } from '../lib/ports.mjs';
import { run } from '../lib/process.mjs';
import { Registrar } from '../lib/registrar.mjs';
import { ACCOUNT } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';

const E164 = '+33328003000';
const [USER, PASSWORD] = ['0033328003000', 's3cret-phrase'];
/** From then on the server takes the loss of a connection for an accident. */
const STEADY_MS = 5_000;

const config = (registrar, more = '') => `
[[trunk]]
name = "provider"
registrar = "${registrar.host}:${registrar.port}"
user = "${USER}"
password = "${PASSWORD}"
transport = "${registrar.transport}"
country = "33"
keep-alive-s = 5
${more}`;

/** A certificate for `address`, with its key, and the authority that has signed it. */
async function identity(folder, address) {
  const file = (name) => join(folder, name);
  const [authority, certificate, key] = ['authority.pem', 'registrar.pem', 'registrar-key.pem'].map(file);
  const [authorityKey, request, extensions] = ['authority-key.pem', 'request.pem', 'extensions'].map(file);
  writeFileSync(extensions, `subjectAltName=IP:${address}\n`);
  const anew = ['req', '-newkey', 'rsa:2048', '-nodes'];
  await run('openssl', [...anew, '-x509', '-days', '2', '-subj', '/CN=authority', '-keyout', authorityKey, '-out', authority]);
  await run('openssl', [...anew, '-subj', '/CN=registrar', '-keyout', key, '-out', request]);
  const signed = ['-CA', authority, '-CAkey', authorityKey, '-CAcreateserial', '-extfile', extensions];
  await run('openssl', ['x509', '-req', '-days', '2', '-in', request, ...signed, '-out', certificate]);
  return { authority, certificate, key };
}

async function started(fixture, options) {
  const registrar = fixture.use(await Registrar.start({ user: USER, password: PASSWORD, ...options }));
  return registrar;
}

/** Waits for the first REGISTER that proved the password. */
function registered(registrar, server, count = 1) {
  const what = () => `${count} registrations\n${server.child.tail()}`;
  return until(what, () => registrar.registered.length >= count, { withinMs: 20_000 });
}

const CASES = [
  { transport: 'tcp', address: '127.0.0.1', algorithm: 'MD5' },
  { transport: 'tls', address: '127.0.0.1', algorithm: 'SHA-256' },
  { transport: 'udp', address: '::1', algorithm: 'SHA-256' },
  { transport: 'tcp', address: '::1', algorithm: 'SHA-256' },
  { transport: 'tls', address: '::1', algorithm: 'MD5' },
];

for (const { transport, address, algorithm } of CASES) {
  test(`a trunk by ${transport} at ${address}, its password by ${algorithm}`, async (t) => {
    const fixture = new Fixture(t);
    const secure = transport === 'tls';
    const folder = fixture.folder();
    const files = secure ? await identity(folder, address) : undefined;
    const registrar = await started(fixture, { transport, address, algorithm, identity: files });
    const authority = secure ? `ca-file = "${files.authority}"\n` : '';
    const server = await fixture.server({ config: config(registrar, authority), ipv6: true });
    await server.cli(['number', 'add', E164, '--account', ACCOUNT.email]);
    const { follow } = await server.addresses(E164);
    await registered(registrar, server);
    const [{ contact, link }] = registrar.registered;
    assert.match(contact, new RegExp(`^sip:${USER}@.*:\\d+${transport === 'udp' ? '' : `;transport=${transport}`}$`, 'i'));
    await registrar.see('an OPTIONS', (text) => text.startsWith('OPTIONS '), 20_000);

    const answer = await registrar.call('0328003000', await freePorts(2));
    assert.match(answer, /^SIP\/2\.0 200 /, answer);
    const family = address === '::1' ? 'IP6 ::1' : 'IP4 127.0.0.1';
    assert.match(answer, new RegExp(`^c=IN ${family}\\r$`, 'm'));
    await server.untilMembers(follow, 1);
    const [member] = (await server.live(follow)).conference.members;
    assert.equal(member.number, '+33612345678');

    // At its end it says good-bye to both: on the one connection that there is.
    server.child.signal('SIGTERM');
    const bye = await registrar.see('a BYE', (text) => text.startsWith('BYE '));
    assert.match(bye, new RegExp(`^Via: SIP/2.0/${transport} `, 'im'));
    await until('the registration to be taken back', () => registrar.registered.some(({ expires }) => expires === 0));
    assert.equal(registrar.registered.at(-1).link, link);
    assert.equal(registrar.links.length, 1);
  });
}

test('a registration whose connection is lost is made good at once', async (t) => {
  const fixture = new Fixture(t);
  const registrar = await started(fixture, { transport: 'tcp', address: '127.0.0.1', algorithm: 'SHA-256' });
  const server = await fixture.server({ config: config(registrar) });
  await server.cli(['number', 'add', E164, '--account', ACCOUNT.email]);
  const { follow } = await server.addresses(E164);
  await registered(registrar, server);
  const [{ link }] = registrar.registered;
  // Nothing is waited for here: only a connection of some age counts as steady.
  await setTimeout(Math.max(0, link.openedAt + STEADY_MS + 100 - Date.now()));
  link.close();
  await registered(registrar, server, 2);
  assert.notEqual(registrar.registered[1].link, link);
  assert.match(await registrar.call('0328003000', await freePorts(2)), /^SIP\/2\.0 200 /);
  await server.untilMembers(follow, 1);
});

test('a registrar that nobody vouches for is told no password', async (t) => {
  const fixture = new Fixture(t);
  const files = await identity(fixture.folder(), '127.0.0.1');
  const registrar = await started(fixture, { transport: 'tls', address: '127.0.0.1', algorithm: 'SHA-256', identity: files });
  const server = await fixture.server({ config: config(registrar) });
  await server.child.waitForOutput(/no connection.*certificate/i, 20_000);
  await until('the handshake to fail', () => registrar.handshakeError);
  assert.equal(registrar.received.length, 0);
  await server.assertAlive();
});
