// A provider with two registrars, found by DNS (RFC 3263): in a network of its own, for a name server has port 53.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { Names } from '../lib/names.mjs';
import { Namespaces, testsWithin, whyNot } from '../lib/namespaces.mjs';
import { freePorts } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

const WITHIN = process.env.CONFERENCE_SRV;
/** Renewed after two thirds of it, or a little later. */
const GRANTED_S = 6;

/** A registrar that grants what it is asked for, or says that it is out of service. */
async function registrar(fixture) {
  const socket = dgram.createSocket('udp4');
  const registrar = { port: await freePorts(), works: true, taken: 0, refused: 0 };
  socket.on('message', (bytes, from) => {
    const request = bytes.toString('latin1');
    if (!request.startsWith('REGISTER ')) return;
    registrar[registrar.works ? 'taken' : 'refused'] += 1;
    const line = (name) => request.match(new RegExp(`^${name}:.*$`, 'im'))[0].trim();
    const lines = [
      registrar.works ? 'SIP/2.0 200 OK' : 'SIP/2.0 503 Service Unavailable',
      line('Via'),
      line('From'),
      `${line('To')};tag=1`,
      line('Call-ID'),
      line('CSeq'),
      registrar.works ? `${line('Contact')};expires=${GRANTED_S}` : 'Retry-After: 1',
      'Content-Length: 0',
    ];
    socket.send(`${lines.join('\r\n')}\r\n\r\n`, from.port, from.address);
  });
  await new Promise((resolve) => socket.bind(registrar.port, '127.0.0.1', resolve));
  fixture.use({ stop: () => socket.close() });
  return registrar;
}

if (WITHIN) {
  test('a registration goes to the next server of the name, and back', async (t) => {
    const fixture = new Fixture(t);
    const [first, second] = [await registrar(fixture), await registrar(fixture)];
    const names = fixture.use(
      await Names.start({
        // Not in the order of their priorities.
        'SRV _sip._udp.provider.example': [
          [20, 0, second.port, 'b.provider.example'],
          [10, 0, first.port, 'a.provider.example'],
        ],
        'A a.provider.example': ['127.0.0.1'],
        'A b.provider.example': ['127.0.0.1'],
      }),
    );
    first.works = false;
    await fixture.server({
      config: '[[trunk]]\nname = "provider"\nregistrar = "provider.example"\nuser = "u"\npassword = "p"\ncountry = "33"\nkeep-alive-s = 0\n',
    });
    const counted = () => `${JSON.stringify({ first, second, asked: names.asked })}\n${fixture.theServer.child.tail()}`;
    await until(() => `the second to register us; ${counted()}`, () => second.taken > 0);
    assert.equal(first.refused, 1, 'the one of the higher priority is asked first');
    assert.ok(names.asked.includes('SRV _sip._udp.provider.example'), counted());

    [first.works, second.works] = [true, false];
    await until(() => `the first to register us; ${counted()}`, () => first.taken > 0, { withinMs: 30_000 });
    assert.ok(second.refused > 0, counted());
  });
} else {
  test('a provider that is found by DNS', { skip: whyNot() }, async (t) => {
    const fixture = new Fixture(t);
    const networks = fixture.use(new Namespaces());
    const alone = await networks.add('srv');
    networks.nameserver(alone, '127.0.0.1');
    await testsWithin(t, fixture, alone, import.meta.filename, { tests: 1, env: { CONFERENCE_SRV: '1' } });
  });
}
