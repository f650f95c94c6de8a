// Networks of a test's own: namespaces of the kernel, of which nothing is left when the test ends.

import { run } from './process.mjs';

/** Why there can be none here; `undefined` if there can. */
export function whyNot() {
  return process.getuid?.() === 0 ? undefined : 'network namespaces need root';
}

export class Namespaces {
  #names = [];

  /** An empty network, with its loopback up. */
  async add(name) {
    const full = `conf-${process.pid}-${name}`;
    await run('ip', ['netns', 'add', full]);
    this.#names.push(full);
    await this.ip(full, 'link set lo up');
    return full;
  }

  /** Runs `ip` in a namespace. */
  ip(namespace, words) {
    return run('ip', ['-n', namespace, ...words.split(' ')]);
  }

  /** A cable: each end is `[namespace, interface, address]`. */
  async join([one, name, address], [other, otherName, otherAddress]) {
    await this.ip(one, `link add ${name} type veth peer name ${otherName} netns ${other}`);
    for (const [namespace, link, cidr] of [
      [one, name, address],
      [other, otherName, otherAddress],
    ]) {
      await this.ip(namespace, `addr add ${cidr} dev ${link}`);
      await this.ip(namespace, `link set ${link} up`);
    }
  }

  async stop() {
    for (const name of this.#names.reverse()) await run('ip', ['netns', 'del', name]);
  }
}
