// Wrong PINs across calls: who typed many has to wait, and the room's owner is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { ACCOUNT, NUMBER } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';

const RIGHT = '7';
/** Three tries end a call; six wrong PINs make the number wait. */
const WRONG_CALLS = 2;
const WAITS_MS = 10_000;

/** The owner's page of the room. */
async function ownersPage(server) {
  const body = new URLSearchParams({ login: ACCOUNT.email, password: ACCOUNT.password });
  const login = await fetch(`${server.http}/login`, { method: 'POST', body, redirect: 'manual' });
  const cookie = login.headers.getSetCookie().map((set) => set.split(';')[0]).join('; ');
  const page = await fetch(`${server.http}/rooms/${NUMBER}/general`, { headers: { cookie } });
  return page.text();
}

test('a number that typed six wrong PINs waits before its keys count, and the owner is told', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: [`pin=${RIGHT}`] });
  const { follow } = await server.addresses();
  const [phone, other] = await fixture.phones({ 4001: 450, 4002: 650 });
  assert.doesNotMatch(await ownersPage(server), /wrong PINs/);
  for (let call = 0; call < WRONG_CALLS; call += 1) {
    await phone.call(server, NUMBER);
    await phone.type('123');
    await phone.closed(30_000);
  }
  assert.match(await ownersPage(server), /6 wrong PINs were typed in the last hour \(calling numbers: 1\)/);
  await phone.call(server, NUMBER);
  const answered = Date.now();
  await other.call(server, NUMBER);
  await other.type(RIGHT);
  await server.untilMembers(follow, 1);
  const isIn = async () => {
    await phone.type(RIGHT);
    return (await server.members(follow)).length === 2;
  };
  await until('the number to be let in', isIn, { withinMs: 3 * WAITS_MS, pollMs: 500 });
  const waitedMs = Date.now() - answered;
  t.diagnostic(`in after ${waitedMs} ms`);
  assert.ok(waitedMs >= WAITS_MS - 500, `its keys counted after ${waitedMs} ms`);
});
