// The owner's pages: from the link that the first start prints to a PIN that the next caller has to type.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESKTOP, PHONE, axeFindings, logIn, overflowPx, screenshot, untilCount, untilLive } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { ACCOUNT, NUMBER } from '../lib/server.mjs';

async function fillIn(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

test('from the set-up link to a PIN that the very next call must type', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ empty: true });
  const [link] = await server.child.waitForOutput(/https?:\/\/\S+\/setup\S*/);
  const browser = await fixture.browser();
  const page = await browser.page();

  await page.goto(link);
  await fillIn(page, { 'E-mail address': ACCOUNT.email, Password: 'short', 'The same password once more': 'short' });
  await press(page, 'Create account');
  await page.getByText('This password is too short').waitFor();
  await fillIn(page, { Password: ACCOUNT.password, 'The same password once more': ACCOUNT.password });
  await press(page, 'Create account');
  await page.getByText('Your account is ready. Log in to begin.').waitFor();
  await page.goto(link);
  await page.getByText('This link has been used').waitFor();

  await logIn(page, server);
  await page.getByText('No number yet').waitFor();
  await fillIn(page, { Number: 'reception' });
  await press(page, 'Add');
  await page.getByText('A number holds digits only').waitFor();
  await fillIn(page, { Number: NUMBER, Description: 'Every Monday' });
  await press(page, 'Add');
  await page.waitForURL(`**/rooms/${NUMBER}/general`);

  const { follow } = await server.addresses();
  const [open, typed, wrong] = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850 });
  await open.call(server, NUMBER);
  await server.untilMembers(follow, 1);

  await page.locator('[data-clean=true]').waitFor();
  await fillIn(page, { PIN: '1234' });
  await page.getByText('1 unsaved change').waitFor();
  await press(page, 'Save');
  await page.getByText('Saved. The very next call goes by it.').waitFor();

  await typed.call(server, NUMBER);
  await wrong.call(server, NUMBER);
  await typed.type('1234#');
  await server.untilMembers(follow, 2);
  for (const digits of ['4321#', '1233#', '1235']) await wrong.type(digits);
  await wrong.closed(20_000);
  assert.equal((await server.members(follow)).length, 2);

  await page.goto(`${server.http}/rooms/${NUMBER}/live`);
  await untilLive(page);
  await untilCount(page, 2);
  assert.deepEqual(browser.complaints, []);
});

test('logging in and out', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const browser = await fixture.browser();
  const page = await browser.page();

  await page.goto(`${server.http}/rooms/${NUMBER}/general`);
  await page.waitForURL('**/login?to=**');
  await fillIn(page, { 'E-mail address or account name': ACCOUNT.email, Password: 'not the password' });
  await press(page, 'Log in');
  await page.getByText('That name and password do not match.').waitFor();
  assert.equal(await page.getByLabel('E-mail address or account name').inputValue(), ACCOUNT.email);
  assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), '');
  await fillIn(page, { Password: ACCOUNT.password });
  await press(page, 'Log in');
  await page.waitForURL(`**/rooms/${NUMBER}/general`);

  const [cookie] = (await page.context().cookies()).filter((one) => one.httpOnly);
  assert.ok(cookie && cookie.sameSite !== 'None', 'the session cookie is open to scripts or to other sites');
  await press(page, 'Log out');
  await page.waitForURL('**/login');
  await page.goto(`${server.http}/rooms`);
  await page.waitForURL('**/login?to=**');
  // What was logged out is over on the server too, not only forgotten by the browser.
  await page.context().addCookies([cookie]);
  await page.goto(`${server.http}/rooms`);
  await page.waitForURL('**/login?to=**');
  assert.deepEqual(browser.complaints, []);
});

test('another account does not see the number', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const other = { email: 'b@example.org', password: 'quite another secret' };
  await server.addAccount(other);
  const browser = await fixture.browser();
  const page = await browser.page();
  await logIn(page, server, other);
  await page.getByText('No number yet').waitFor();
  for (const tab of ['general', 'live']) {
    const response = await page.goto(`${server.http}/rooms/${NUMBER}/${tab}`);
    assert.equal(response.status(), 404);
  }
  await page.goto(`${server.http}/rooms`);
  await fillIn(page, { Number: NUMBER });
  await press(page, 'Add');
  await page.getByText('This number is already in use on this server.').waitFor();
  assert.deepEqual(browser.complaints, []);
});

test('without JavaScript: log in, save, be told what is wrong', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const browser = await fixture.browser();
  const page = await browser.page({ javaScriptEnabled: false });
  await logIn(page, server);
  await page.locator('main a', { hasText: NUMBER }).click();
  await fillIn(page, { PIN: '12a4', Description: 'Said once' });
  await press(page, 'Save');
  await page.getByText('A PIN holds digits only.').waitFor();
  assert.equal(await page.getByLabel('Description').inputValue(), 'Said once');
  await fillIn(page, { PIN: '4711' });
  await page.getByLabel('Enter muted').check();
  await press(page, 'Save');
  await page.getByText('Saved. The very next call goes by it.').waitFor();
  assert.match(await server.cli(['number', 'list']), /3000/);
  await page.goto(`${server.http}/rooms/${NUMBER}/general`);
  assert.equal(await page.getByLabel('PIN', { exact: true }).inputValue(), '4711');
  assert.ok(await page.getByLabel('Enter muted').isChecked());
  assert.deepEqual(browser.complaints, []);
});

test('two who save the same settings: the second is asked', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const browser = await fixture.browser();
  const page = await browser.page();
  await logIn(page, server);
  await page.goto(`${server.http}/rooms/${NUMBER}/general`);
  await page.locator('[data-clean=true]').waitFor();
  await server.cli(['number', 'set', NUMBER, 'pin=11']);
  await fillIn(page, { PIN: '22' });
  await press(page, 'Save');
  await page.getByText('These settings were changed meanwhile').waitFor();
  await page.getByText('Saved meanwhile: 11').waitFor();
  await press(page, 'Save');
  await page.getByText('Saved. The very next call goes by it.').waitFor();
  assert.equal(await page.getByLabel('PIN', { exact: true }).inputValue(), '22');
  assert.deepEqual(browser.complaints, []);
});

/** The pages by name, and their addresses: those of an owner, and those of a stranger who has logged in nowhere. */
const OWNERS_PAGES = (server) => ({
  rooms: `${server.http}/rooms`,
  general: `${server.http}/rooms/${NUMBER}/general`,
  live: `${server.http}/rooms/${NUMBER}/live`,
  trunks: `${server.http}/trunks`,
});
/** A peer by which the telephones of this machine call, and a provider whose name nobody has. */
const TRUNKS = `
[[trunk]]
name = "carrier"
peers = ["127.0.0.0/8", "2001:db8::/32"]
[[trunk]]
name = "provider"
registrar = "sip.invalid"
user = "0033328003000"
password = "secret"
`;
const STRANGERS_PAGES = (server, busy, quiet) => ({
  login: `${server.http}/login`,
  'not-found': `${server.http}/nowhere`,
  'address-unknown': `${server.http}/follow/none`,
  follow: busy.follow,
  control: busy.control,
  'follow-empty': quiet.follow,
});

/** Looks at a page in both themes, wide and narrow: a picture of each, and what is wrong with it. */
async function inspect(page, name) {
  const wrong = [];
  for (const colorScheme of ['light', 'dark']) {
    for (const [width, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'no-preference' });
      const at = `${name} ${colorScheme} ${width}`;
      await screenshot(page, at.replaceAll(' ', '-'));
      // A colour on its way to another is not what axe should judge.
      await page.emulateMedia({ reducedMotion: 'reduce' });
      wrong.push(...(await axeFindings(page)).map((finding) => `${at}: ${finding}`));
      const wider = await overflowPx(page);
      if (wider > 0) wrong.push(`${at}: ${wider} pixels wider than the window`);
    }
  }
  return wrong;
}

test('every page, in both themes, wide and narrow: pictures, and nothing for axe to object to', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=4711', 'description=Every Monday'], config: TRUNKS });
  await server.cli(['number', 'add', '3001', '--account', ACCOUNT.email]);
  const [addresses, quiet] = [await server.addresses(), await server.addresses('3001')];
  const phones = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850 });
  for (const phone of phones) {
    await phone.call(server, NUMBER);
    await phone.type('4711#');
  }
  await phones[1].silence(true);
  await server.untilMembers(addresses.follow, 3);
  const browser = await fixture.browser();
  const [owner, stranger] = [await browser.page(), await browser.page()];
  await logIn(owner, server);
  await owner.waitForURL('**/rooms');
  const wrong = [];
  for (const [page, pages] of [
    [owner, OWNERS_PAGES(server)],
    [stranger, STRANGERS_PAGES(server, addresses, quiet)],
  ]) {
    for (const [name, url] of Object.entries(pages)) {
      await page.goto(url);
      if ((await page.locator('[data-live]').count()) > 0) await untilLive(page);
      wrong.push(...(await inspect(page, name)));
    }
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(browser.complaints, []);
});

test('the set-up page, as the others', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ empty: true });
  const [link] = await server.child.waitForOutput(/https?:\/\/\S+\/setup\S*/);
  const browser = await fixture.browser();
  const page = await browser.page();
  await page.goto(link);
  assert.deepEqual(await inspect(page, 'setup'), []);
  assert.deepEqual(browser.complaints, []);
});
