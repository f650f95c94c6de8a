// The program under test: one process per test, on free ports, with a data directory of its own.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePorts } from './ports.mjs';
import { Child, run } from './process.mjs';
import { until } from './wait.mjs';

const RTP_PORTS = 100;

/** The program: `CONFERENCE_BIN`, else the release build of this tree. */
export function binary() {
  const path = resolve(process.env.CONFERENCE_BIN ?? join(import.meta.dirname, '../../target/release/conference'));
  if (!existsSync(path)) throw new Error(`${path} is missing: cargo xtask build --release, or set CONFERENCE_BIN`);
  return path;
}

export const ACCOUNT = { email: 'a@example.org', password: 'correct horse battery' };
export const NUMBER = '3000';

/** English, unless the settings say otherwise. */
function withLanguage(settings) {
  return settings.some((setting) => setting.startsWith('language=')) ? settings : ['language=en', ...settings];
}

export class Server {
  /**
   * A server with an account and the number 3000 with `settings` (`pin=1234`, …), or with an empty data directory. It takes
   * calls at `address`; `flags` are further ones of `conference serve`, `config` is its `conference.toml`.
   */
  static async start({ settings = [], empty = false, address = '127.0.0.1', flags = {}, config, tls = false, ipv6 = false } = {}) {
    const server = new Server();
    server.flags = flags;
    server.folder = mkdtempSync(join(tmpdir(), 'conference-end2end-'));
    server.data = join(server.folder, 'data');
    if (config) writeFileSync(join(server.folder, 'conference.toml'), config);
    [server.httpPort, server.sipPort] = [await freePorts(), await freePorts()];
    server.rtpPorts = await freePorts(RTP_PORTS);
    server.http = `http://127.0.0.1:${server.httpPort}`;
    server.sip = `${address}:${server.sipPort}`;
    try {
      if (tls) await server.useTls();
      if (ipv6) server.sip6 = `[::1]:${server.sipPort}`;
      if (!empty) {
        await server.addAccount(ACCOUNT);
        await server.cli(['number', 'add', NUMBER, '--account', ACCOUNT.email, ...withLanguage(settings)]);
      }
      await server.run();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts the process on the same ports and data as before, and waits until it is ready. */
  async run() {
    const flags = {
      '--data': this.data,
      '--http': `127.0.0.1:${this.httpPort}`,
      '--sip': [this.sip, this.sip6].filter(Boolean).join(),
      '--rtp-ports': `${this.rtpPorts}-${this.rtpPorts + RTP_PORTS - 1}`,
      ...this.flags,
    };
    if (this.tls) Object.assign(flags, { '--sip-tls': this.tls, '--sip-cert': this.certificate, '--sip-key': this.key });
    this.child = new Child(binary(), ['serve', ...Object.entries(flags).flat()], { cwd: this.folder });
    await until(() => `the server to be ready\n${this.child.tail()}`, () => this.#ready(), { withinMs: 30_000 });
  }

  /** Serves TLS too, with a certificate of its own for `localhost`. */
  async useTls() {
    this.tls = `127.0.0.1:${await freePorts()}`;
    [this.certificate, this.key] = ['certificate.pem', 'key.pem'].map((name) => join(this.folder, name));
    await this.newCertificate('localhost');
  }

  /** Writes another certificate, for `name`, over the one that was. */
  newCertificate(name) {
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    const files = ['-keyout', this.key, '-out', this.certificate];
    return run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files]);
  }

  /** What the kernel says of the process: bytes in memory, and how many files are open. */
  resources() {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return {
      residentBytes: Number(status.match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024,
      files: readdirSync(`/proc/${this.child.pid}/fd`).length,
    };
  }

  async #ready() {
    if (!this.child.running) throw new Error(`the server did not start\n${this.child.tail()}`);
    return fetch(`${this.http}/readyz`).then((response) => response.ok, () => false);
  }

  /** What a telephone dials to come in by `transport`: udp, tcp or tls. */
  uri(number, transport = 'udp') {
    const at = `sip:${number}@${transport === 'tls' ? this.tls : this.sip}`;
    return transport === 'udp' ? at : `${at};transport=${transport}`;
  }

  /** Where it may listen for sound; the odd ports between are for RTCP. */
  everyRtpPort() {
    return Array.from({ length: RTP_PORTS / 2 }, (_, i) => this.rtpPorts + 2 * i);
  }

  /** Runs a command beside the server, on its data; returns what it prints. */
  cli(args, options) {
    return run(binary(), [...args, '--data', this.data], { cwd: this.folder, ...options });
  }

  /** An account whose pages are in English. */
  async addAccount({ email, password }) {
    await this.cli(['account', 'add', email, '--language', 'en', '--password-stdin'], { input: `${password}\n` });
  }

  /** A page as the account sees it, as plain HTML. */
  async page(path, { email, password } = ACCOUNT) {
    const body = new URLSearchParams({ login: email, password });
    const login = await fetch(`${this.http}/login`, { method: 'POST', body, redirect: 'manual' });
    const [cookie] = (login.headers.get('set-cookie') ?? '').split(';');
    const response = await fetch(`${this.http}${path}`, { headers: { cookie } });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.text();
  }

  /** The addresses `{ follow, control }` of a number, as the program prints them. */
  async addresses(number = NUMBER) {
    const printed = await this.cli(['address', number]);
    const [follow, control] = ['follow', 'control'].map((kind) => printed.match(new RegExp(`^${kind}\\s+(\\S+)`, 'm'))?.[1]);
    if (!follow?.startsWith(`${this.http}/follow/`) || !control?.startsWith(`${this.http}/control/`)) {
      throw new Error(`conference address must print lines "follow URL" and "control URL" of ${this.http}:\n${printed}`);
    }
    return { follow, control };
  }

  /** The members that a page served now shows: its HTML, before any script. */
  async members(url) {
    const response = await fetch(url, { headers: { 'accept-language': 'en' } });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    const tags = (await response.text()).match(/<[a-z]+\b[^>]*\bdata-member(?=[\s=>/])[^>]*>/g) ?? [];
    const is = (tag, name) => new RegExp(`\\bdata-${name}="?true`).test(tag);
    return tags.map((tag) => ({ talking: is(tag, 'talking'), muted: is(tag, 'muted'), deaf: is(tag, 'deaf') }));
  }

  /** The live state that a page served now carries for its script: what `/ws/follow/{token}` begins with. */
  async live(url) {
    const html = await (await fetch(url)).text();
    const [, json] = html.match(/="(\{&quot;[^"]*&quot;live&quot;[^"]*)"/) ?? [];
    if (!json) throw new Error(`${url} carries no live state`);
    return JSON.parse(json.replaceAll('&quot;', '"').replaceAll('&amp;', '&')).live;
  }

  /** Waits until `count` members are in the conference, and past their greeting and PIN. */
  async untilMembers(url, count, withinMs = 20_000) {
    let seen;
    const there = async () => {
      seen = await this.members(url);
      return seen.length === count;
    };
    await until(() => `${count} members on ${url}; there are ${seen?.length}`, there, { withinMs, pollMs: 50 });
    return seen;
  }

  /** Fails, with what the server printed, unless it still runs and answers. */
  async assertAlive() {
    if (!this.child.running || !(await this.#ready())) {
      throw new Error(`the server has ended: ${JSON.stringify(this.child.result)}\n${this.child.tail(80)}`);
    }
  }

  /** As a crash does it. */
  async crash() {
    await this.child.stop();
  }

  async stop() {
    await this.child?.stop();
    if (process.env.KEEP) console.log(`kept: ${this.folder}`);
    else rmSync(this.folder, { recursive: true, force: true });
  }
}
