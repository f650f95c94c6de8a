// A telephone behind an address translator, and a server that has a public address: in networks of their own.
//
//   telephone 192.168.77.2 - 192.168.77.1 translator 203.0.113.2 - 203.0.113.1 server
//
// The tests themselves run where the server is: this file starts itself again there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { assertHearing } from '../lib/hearing.mjs';
import { Namespaces, testsWithin, whyNot } from '../lib/namespaces.mjs';
import { run } from '../lib/process.mjs';
import { NUMBER } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';

const INSIDE = process.env.CONFERENCE_NAT_PHONE;
const TRANSLATOR = process.env.CONFERENCE_NAT_TRANSLATOR;
const [PHONE, SERVER] = ['192.168.77.2', '203.0.113.1'];
/** baresip's control socket is let through; it is not part of what is tried. All else must be asked for from inside. Datagrams
 * from outside with four bytes in them are counted. */
const RULES = `
table ip nat {
  chain out { type nat hook postrouting priority 100; oifname "public" masquerade random; }
}
table ip guard {
  counter empty { }
  chain through {
    type filter hook forward priority 0; policy drop;
    iifname "public" udp length 12 counter name empty
    ct state established,related accept
    iifname "private" accept
    tcp flags syn accept
  }
}
`;

if (INSIDE) {
  test('a telephone behind a translator hears and is heard', async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server({ address: SERVER, config: 'allow-guests = true\n' });
    const { follow } = await server.addresses();
    const within = ['ip', 'netns', 'exec', INSIDE];
    const [behind] = await fixture.phones({ 4001: 450 }, { address: PHONE, within });
    const [beside] = await fixture.phones({ 4002: 650 }, { address: SERVER });
    for (const phone of [behind, beside]) await phone.call(server, NUMBER);
    await assertHearing(t, [
      { phone: behind, heard: [650], notHeard: [450] },
      { phone: beside, heard: [450], notHeard: [650] },
    ]);
    await behind.reports((report) => report.tx.sent > 0 && report.rtt > 0);
    await behind.hangUp();
    await server.untilMembers(follow, 1);
  });

  test("the server's own requests reach a telephone behind a translator", async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server({ address: SERVER, config: 'allow-guests = true\n' });
    const { follow } = await server.addresses();
    const within = ['ip', 'netns', 'exec', INSIDE];
    const phones = await fixture.phones({ 4001: 450, 4003: 850 }, { address: PHONE, within });
    const [leaver, stayer] = phones;
    for (const phone of phones) await phone.call(server, NUMBER);
    await server.untilMembers(follow, 2);
    // The server hangs up, at an address that was announced nowhere.
    await leaver.type('##');
    await leaver.closed();
    await server.untilMembers(follow, 1);
    // The way to the other one is kept open, which says nothing by itself for as long as the call lasts.
    const counted = () => run('ip', ['netns', 'exec', TRANSLATOR, 'nft', 'list', 'counter', 'ip', 'guard', 'empty']);
    await until('a datagram that keeps the translation', async () => /packets [1-9]/.test(await counted()), { withinMs: 40_000, pollMs: 500 });
    await stayer.type('##');
    await stayer.closed();
    await server.untilMembers(follow, 0);
  });

  test('the public address is what an outside telephone is told', async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server({ address: SERVER, config: 'allow-guests = true\n', flags: { '--public-ip': '198.51.100.7' } });
    const peer = await fixture.datagrams(SERVER);
    const answer = await peer.call(NUMBER, peer.offer(peer.port));
    assert.match(answer, /^c=IN IP4 198\.51\.100\.7\r$/m);
    assert.match(answer, /^Contact: .*@198\.51\.100\.7:/im);
    await server.assertAlive();
  });
} else {
  test('telephones behind an address translator', { skip: whyNot() }, async (t) => {
    const fixture = new Fixture(t);
    const networks = fixture.use(new Namespaces());
    const [phone, translator, server] = [
      await networks.add('phone'),
      await networks.add('nat'),
      await networks.add('server'),
    ];
    await networks.join([phone, 'eth0', `${PHONE}/24`], [translator, 'private', '192.168.77.1/24']);
    await networks.join([translator, 'public', '203.0.113.2/24'], [server, 'eth0', `${SERVER}/24`]);
    await networks.ip(phone, 'route add default via 192.168.77.1');
    await networks.ip(server, 'route add 192.168.77.0/24 via 203.0.113.2');
    await run('ip', ['netns', 'exec', translator, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await run('ip', ['netns', 'exec', translator, 'nft', '-f', '-'], { input: RULES });
    const env = { CONFERENCE_NAT_PHONE: phone, CONFERENCE_NAT_TRANSLATOR: translator };
    await testsWithin(t, fixture, server, import.meta.filename, { tests: 3, env });
  });
}
