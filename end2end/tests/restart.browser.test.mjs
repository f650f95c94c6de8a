// kill -9, and start again: nothing that was set is lost, and open pages come back by themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLive, untilCount, untilLive } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { NUMBER } from '../lib/server.mjs';

test('settings and addresses survive a crash, and the page reconnects', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234'] });
  const addresses = await server.addresses();
  const browser = await fixture.browser();
  const [before, after] = await fixture.phones({ 4001: 450, 4002: 650 });
  const page = await openLive(browser, addresses.follow);
  await before.call(server, NUMBER);
  await before.type('1234#');
  await untilCount(page, 1);
  await server.cli(['number', 'set', NUMBER, 'pin=987']);

  await server.crash();
  await page.locator('[data-live=lost]').waitFor();
  await server.run();
  await untilLive(page, 30_000);
  await untilCount(page, 0);
  assert.deepEqual(await server.addresses(), addresses, 'the addresses have changed');

  await after.call(server, NUMBER);
  await after.type('987#');
  await untilCount(page, 1);
  await page.getByText('4002').first().waitFor();
});
