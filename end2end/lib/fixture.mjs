// What a test uses, and gives back when it ends, however it ends.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Phone } from './baresip.mjs';
import { Browser } from './browser.mjs';
import { Datagrams } from './datagrams.mjs';
import { GoodCall } from './goodcall.mjs';
import { Server } from './server.mjs';
import { Sipp } from './sipp.mjs';
import { Stream } from './stream.mjs';

/** Everything started through it is stopped after test `t`, the last one first. */
export class Fixture {
  #started = [];

  constructor(t) {
    t.after(async () => {
      for (const thing of this.#started.reverse()) await thing.stop();
    });
  }

  use(thing) {
    this.#started.push(thing);
    return thing;
  }

  /** An empty folder. */
  folder() {
    const path = mkdtempSync(join(tmpdir(), 'conference-end2end-'));
    this.use({ stop: () => rmSync(path, { recursive: true, force: true }) });
    return path;
  }

  async server(options) {
    this.theServer = this.use(await Server.start(options));
    return this.theServer;
  }

  /** Telephones that each say a tone of their own: `{ '4001': 450, … }`. */
  async phones(tones, options = {}) {
    const entries = Object.entries(tones);
    return Promise.all(
      entries.map(async ([number, hz]) => this.use(await Phone.start(this.theServer.folder, { number, hz, ...options }))),
    );
  }

  async sipp(scenario, options) {
    return this.use(await Sipp.start(this.theServer, scenario, options));
  }

  async browser(flags) {
    return this.use(await Browser.start(flags));
  }

  async datagrams(address) {
    const peer = await Datagrams.open(this.theServer, address);
    this.use({ stop: () => peer.close() });
    return peer;
  }

  /** A connection by TCP, or by TLS with `{ tls: true }`. */
  async stream(options) {
    const peer = await Stream.open(this.theServer, options);
    this.use({ stop: () => peer.close() });
    return peer;
  }

  /** Two telephones in the room, and a check of what the second hears from now on. */
  goodCall() {
    return GoodCall.start(this);
  }
}
