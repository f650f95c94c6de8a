// Chromium, and what every page of ours must hold: no error on its console, nothing that axe objects to.

import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ACCOUNT } from './server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCREENSHOTS = join(import.meta.dirname, '../out');
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const WITHIN_MS = 10_000;

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

export class Browser {
  /** What the pages complained of on their consoles. */
  complaints = [];

  /** `flags` are further ones of Chromium. */
  static async start(flags = []) {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [...ARGUMENTS, ...flags],
      timeout: 30_000,
    });
    return browser;
  }

  /** A page in a profile of its own, as a visitor in English unless `options` (of Playwright) say otherwise. */
  async page(options = {}) {
    const context = await this.chromium.newContext({ locale: 'en-GB', viewport: DESKTOP, ...options });
    context.setDefaultTimeout(WITHIN_MS);
    const page = await context.newPage();
    page.on('console', (message) => {
      // A page that is meant to be a 404 or a 422 is no complaint; one of its files is.
      const itself = message.location().url === page.url();
      const refused = itself && message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !refused) {
        this.complaints.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    return page;
  }

  async stop() {
    await this.chromium.close();
  }
}

/** Sends the login form; where that leads is the caller's to wait for. */
export async function logIn(page, server, { email, password } = ACCOUNT) {
  await page.goto(`${server.http}/login`);
  await page.getByLabel('E-mail address or account name', { exact: true }).fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

/** Opens a live page and waits until its WebSocket has taken over. */
export async function openLive(browser, url, options) {
  const page = await browser.page(options);
  await page.goto(url);
  await untilLive(page).catch((error) => {
    throw new Error(`${url} did not come to life: ${browser.complaints.join('\n') || error.message}`);
  });
  return page;
}

export async function untilLive(page, withinMs = WITHIN_MS) {
  await page.locator('[data-live=connected]').waitFor({ timeout: withinMs });
}

/** The row of the member that calls from `number`. */
export function member(page, number) {
  return page.locator('[data-members] [data-member]', { hasText: number });
}

/** Waits until the row of `number` has `data-{name}` = `value`. */
export async function untilState(page, number, name, value, withinMs = WITHIN_MS) {
  await page
    .locator(`[data-members] [data-member][data-${name}="${value}"]`, { hasText: number })
    .waitFor({ timeout: withinMs });
}

/** Waits until exactly `count` members are listed. */
export async function untilCount(page, count, withinMs = WITHIN_MS) {
  await page.waitForFunction(
    (wanted) => document.querySelectorAll('[data-members] [data-member]').length === wanted,
    count,
    { timeout: withinMs },
  );
}

/** What axe finds wrong, a line each: rule, what it asks for, where. */
export async function axeFindings(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html}`));
}

/** How far, in pixels, the page is wider than its window. */
export function overflowPx(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Keeps a picture of the page in out/, for people to look at. */
export async function screenshot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}
