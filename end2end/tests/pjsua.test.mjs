// pjsua2, a telephone that is not ours and not baresip: each codec and transport, in the clear and encrypted.
//
// It is used where it is installed: a Python that has it (PyPI: pjsua2-python) is named by PJSUA_PYTHON, or is `python3`.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { assertHearing } from '../lib/hearing.mjs';
import { Child } from '../lib/process.mjs';
import { Recording } from '../lib/recording.mjs';
import { NUMBER } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';
import { format, sine, writeWav } from '../lib/wav.mjs';

const PYTHON = process.env.PJSUA_PYTHON ?? 'python3';
const installed = spawnSync(PYTHON, ['-c', 'import pjsua2']).status === 0;
const skip = installed ? undefined : 'pjsua2 is not installed (PyPI: pjsua2-python; name its Python in PJSUA_PYTHON)';
/** pjsua2 records at its bridge's rate. */
const RATE_HZ = 16_000;
/** Its G.722 halves what it says: the tone is loud enough to be heard for all that. */
const LEVEL = 11_000;

const CASES = [
  { codec: 'PCMA/8000', transport: 'udp', srtp: 'plain' },
  { codec: 'PCMU/8000', transport: 'udp', srtp: 'optional' },
  { codec: 'G722/16000', transport: 'udp', srtp: 'mandatory' },
  { codec: 'PCMA/8000', transport: 'tcp', srtp: 'mandatory' },
  { codec: 'G722/16000', transport: 'tcp', srtp: 'plain' },
  { codec: 'PCMU/8000', transport: 'tls', srtp: 'mandatory' },
  { codec: 'G722/16000', transport: 'tls', srtp: 'mandatory' },
];

for (const { codec, transport, srtp } of CASES) {
  test(`pjsua2 by ${transport} with ${codec}, encryption ${srtp}`, { skip }, async (t) => {
    const fixture = new Fixture(t);
    const server = await fixture.server({ tls: true });
    const [other] = await fixture.phones({ 4001: 650 });
    await other.call(server, NUMBER);
    const [say, record] = ['say.wav', 'record.wav'].map((name) => join(server.folder, name));
    writeWav(say, sine(450, 60, RATE_HZ, LEVEL), RATE_HZ);
    const args = [join(import.meta.dirname, '../lib/pjsua.py'), server.uri(NUMBER, transport), codec, srtp, say, record];
    const pjsua = fixture.use(new Child(PYTHON, args));
    await pjsua.waitForOutput(/^confirmed/m, 20_000);
    if (srtp !== 'plain') await pjsua.waitForOutput(/^encrypted A/m);
    const recorded = () => {
      try {
        return format(record);
      } catch {
        return undefined;
      }
    };
    await until('pjsua2 to record', recorded);
    const phone = { number: 'pjsua2', recording: new Recording(record) };
    await assertHearing(t, [
      { phone: other, heard: [450], notHeard: [650] },
      { phone, heard: [650], notHeard: [450] },
    ]);
  });
}
