// Who may call in, by which way, and what a trunk says of the caller and of what was dialled. Loopback has many
// addresses: the carrier is 127.0.0.2, a stranger 127.0.0.3.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { freePorts } from '../lib/ports.mjs';
import { ACCOUNT, NUMBER } from '../lib/server.mjs';
import { sipp } from '../lib/sipp.mjs';
import { until } from '../lib/wait.mjs';

const E164 = '+33328003000';
const CARRIER = '127.0.0.2';
const STRANGER = '127.0.0.3';
const PEER = `
[[trunk]]
name = "carrier"
peers = ["127.0.0.2/32"]
country = "33"
trust-identity = true
`;
const CONTACT = 'Contact: <sip:5000@[local_ip]:[local_port]>\n';
const FROM = '"SIPp" <sip:5000@[local_ip]:[local_port]>';

/** Puts headers into a scenario's INVITE. */
const saying = (headers) => ({ [CONTACT]: `${CONTACT}${headers.map((header) => `      ${header}\n`).join('')}` });

/** What a page says between two words. */
function between(page, from, to) {
  const start = page.indexOf(from);
  assert.ok(start >= 0, `${from} is not on the page`);
  return page.slice(start, page.indexOf(to, start));
}

const visible = (html) => html.replace(/<!--.*?-->/g, '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

/** The counts `[taken, refused]` in a part of the page. */
const counts = (html) => ['taken', 'refused'].map((what) => Number(html.match(new RegExp(`data-${what}[^>]*>(?:<!--.*?-->)*(\\d+)`))[1]));

const trunkOn = (page, name) => between(page, `data-trunk="${name}"`, '</section>');
const othersOn = (page) => between(page, 'data-others', '</section>');

test('a peer brings its calls with the number that it asserts, and a stranger is refused', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ config: PEER });
  await server.cli(['number', 'add', E164, '--account', ACCOUNT.email]);
  const { follow } = await server.addresses(E164);

  for (const number of ['0328003000', '0033328003000', '33328003000', E164]) {
    await t.test(`the number dialled as ${number}`, () => sipp(server, 'call', { from: CARRIER, number }));
  }
  await t.test('a number that is none: 404', () =>
    sipp(server, 'refused', { from: CARRIER, number: '0328003001', replace: { STATUS: '404' } }));
  await t.test('from elsewhere: 403', () => sipp(server, 'refused', { from: STRANGER, replace: { STATUS: '403' } }));
  await t.test('and from this machine too, now that a trunk is set up', () => sipp(server, 'refused', { replace: { STATUS: '403' } }));

  await t.test('the caller is whom the carrier asserts', async () => {
    const asserted = ['P-Asserted-Identity: "Claire" <sip:0612345678@carrier.example>, <tel:+33612345679>'];
    const call = await fixture.sipp('until-bye', { from: CARRIER, number: '0328003000', replace: saying(asserted) });
    await server.untilMembers(follow, 1);
    const [member] = (await server.live(follow)).conference.members;
    assert.deepEqual([member.number, member.name], ['+33612345678', 'Claire']);
    await call.stop();
  });

  await t.test('the page says so', async () => {
    const page = await server.page('/trunks');
    assert.match(visible(page), /Takes calls from 127\.0\.0\.2\/32/);
    assert.deepEqual(counts(trunkOn(page, 'carrier')), [5, 1]);
    assert.deepEqual(counts(othersOn(page)), [0, 2]);
    assert.match(visible(othersOn(page)), /Calls from anywhere else are refused.*Last refusal \d+ s ago/);
  });
  await t.test('to the operator alone', async () => {
    const second = { email: 'b@example.org', password: 'correct horse battery' };
    await server.addAccount(second);
    await assert.rejects(server.page('/trunks', second), /404/);
  });
  assert.match(server.child.output, /trunk +carrier: calls from 127\.0\.0\.2\/32/);
});

/** Each form in which a caller withholds the number; the last of them a carrier's alone. */
const ANONYMOUS = {
  'Privacy: id': saying(['Privacy: id']),
  'Privacy: user;critical': saying(['Privacy: user;critical']),
  'Privacy: header': saying(['Privacy: header']),
  'anonymous@anonymous.invalid': { [FROM]: '"Anonymous" <sip:anonymous@anonymous.invalid>' },
  'a number in From, and Privacy beside the assertion': saying(['P-Asserted-Identity: <sip:0612345678@c.example>', 'Privacy: id']),
  'an empty P-Asserted-Identity': saying(['P-Asserted-Identity:']),
  'a restricted P-Asserted-Identity': saying(['P-Asserted-Identity: <sip:restricted@carrier.example>']),
};

test('a room may refuse who withholds the number, in each form', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ config: PEER });
  for (const [form, replace] of Object.entries(ANONYMOUS)) {
    await t.test(`${form}: let in`, () => sipp(server, 'call', { from: CARRIER, replace }));
  }
  await server.cli(['number', 'set', NUMBER, 'anonymousRejection=true']);
  for (const [form, replace] of Object.entries(ANONYMOUS)) {
    await t.test(`${form}: 433`, () => sipp(server, 'refused', { from: CARRIER, replace: { STATUS: '433', ...replace } }));
  }
  for (const headers of [['Privacy: none'], ['P-Asserted-Identity: <sip:0612345678@carrier.example>']]) {
    await t.test(`${headers}: let in`, () => sipp(server, 'call', { from: CARRIER, replace: saying(headers) }));
  }
});

test('a telephone shows its password, guests need none', async (t) => {
  const fixture = new Fixture(t);
  const account = '[[phone]]\nuser = "alice"\npassword = "s3cret-phrase"\n';
  // baresip 1.0 knows MD5 alone, and gives up where it is offered more.
  const server = await fixture.server({ config: `phone-digests = ["md5"]\n${PEER}${account}` });
  const { follow } = await server.addresses();
  const phone = (password) => ({ account: `;auth_user=alice;auth_pass=${password}` });
  const [right] = await fixture.phones({ 4001: 450 }, phone('s3cret-phrase'));
  const [wrong] = await fixture.phones({ 4002: 650 }, phone('secret'));
  await t.test('the right password', async () => {
    await right.call(server, NUMBER);
    await server.untilMembers(follow, 1);
    await right.hangUp();
    await right.call(server, NUMBER);
    await right.hangUp();
  });
  await t.test('a wrong one: 401', async () => assert.match(await wrong.tryCall(server, NUMBER), /401/));
  const others = othersOn(await server.page('/trunks'));
  assert.match(visible(others), /1 phone may call with its password/);
  const [taken, refused] = counts(others);
  assert.ok(taken === 2 && refused >= 1, `${taken} taken, ${refused} refused`);
  await server.assertAlive();

  const both = await fixture.server({ config: account });
  await t.test('none, and both algorithms are offered, the better one first', async () => {
    const messages = await sipp(both, 'refused', { replace: { STATUS: '401' } });
    const offer = (algorithm) => `WWW-Authenticate: Digest realm="conference", nonce="\\w+", algorithm=${algorithm}, qop="auth"\\r?\\n`;
    assert.match(messages, new RegExp(offer('SHA-256') + offer('MD5')));
  });

  const open = await fixture.server({ config: `allow-guests = true\n${PEER}` });
  await t.test('a guest', () => sipp(open, 'call', { from: STRANGER }));
});

test('a registration is asked for, proved, refreshed and taken back, and its calls come in', async (t) => {
  const fixture = new Fixture(t);
  const port = await freePorts();
  const server = await fixture.server({
    config: `
[[trunk]]
name = "provider"
registrar = "127.0.0.1:${port}"
user = "0033328003000"
password = "secret"
country = "33"
keep-alive-s = 0
`,
  });
  await server.cli(['number', 'add', E164, '--account', ACCOUNT.email]);
  const registrar = await fixture.sipp('registrar', { listen: port });
  const state = async () => visible(trunkOn(await server.page('/trunks'), 'provider'));
  const shows = (words) => until(async () => `${words}: ${await state()}`, async () => words.test(await state()), { withinMs: 20_000 });
  await shows(/Registration failed .*the answer was “503 Back Soon”\. Next try in [01] s/);
  await shows(/Registers as 0033328003000@127\.0\.0\.1:\d+ Registered For \d+ s; renewed within \d s/);
  // The account is called; the number stands in To.
  const to = { 'To: <sip:[service]@': `To: <sip:0328003000@` };
  await sipp(server, 'call', { number: '0033328003000x', replace: to });
  await shows(/renewed within \d+ min/);
  const page = await server.page('/trunks');
  assert.ok(!page.includes('secret'), 'a password is on the page');
  assert.deepEqual(counts(trunkOn(page, 'provider')), [1, 0]);
  server.child.process.kill('SIGTERM');
  await registrar.done;
  assert.ok(!server.child.output.includes('secret'), 'a password is in the log');
});

test('the other end is asked whether it is there', async (t) => {
  const fixture = new Fixture(t);
  const port = await freePorts();
  const server = await fixture.server({
    config: `[[trunk]]\nname = "pbx"\npeers = ["127.0.0.1:${port}"]\nkeep-alive-s = 5\n`,
  });
  const state = async () => visible(trunkOn(await server.page('/trunks'), 'pbx'));
  const shows = (words) => until(async () => `${words}: ${await state()}`, async () => words.test(await state()), { withinMs: 30_000 });
  await (await fixture.sipp('options-answered', { listen: port })).done;
  await shows(/Answers The other end answered \d+ s ago/);
  // Nobody is at the port any more.
  await shows(/Does not answer For \d+ s: no answer came/);
  await sipp(server, 'call');
});
