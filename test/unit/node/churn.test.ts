import assert from 'node:assert/strict';
import test from 'node:test';
import { Cluster, type Member, target } from './cluster.js';

const ROUNDS = 60;

/** One end's view of the links with the other, checked as it grows. */
class Witness {
  link: number | null = null;
  links = 0;
  handled = 0;
  #next = 0;

  constructor(member: Member, what: string) {
    const { node } = member;
    node.on('nodeup', ({ linkNumber }) => {
      assert.equal(this.link, null, `${what}: nodeup without a nodedown`);
      this.link = linkNumber;
      this.links += 1;
      this.#next = 0;
    });
    node.on('nodedown', () => {
      assert.notEqual(this.link, null, `${what}: nodedown without a nodeup`);
      this.link = null;
    });
    node.handle('n', (body) => {
      const [link, number] = body as [number, number];
      assert.equal(link, this.link, `${what}: a message of another link`);
      assert.equal(number, this.#next, `${what}: lost, twice or out of order`);
      this.#next += 1;
      this.handled += 1;
    });
  }
}

function sender(from: Member, to: Member) {
  let link = 0;
  let number = 0;
  from.node.on('nodeup', ({ linkNumber }) => {
    link = linkNumber;
    number = 0;
  });
  return () => {
    if (from.node.nodes.length === 0) return;
    try {
      from.node.send(to.node.name, 'n', [link, number]);
      number += 1;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ERR_NO_LINK');
    }
  };
}

for (let seed = 1; seed <= 25; seed += 1) {
  test(`links come and go, and each is whole in itself (seed ${seed})`, async () => {
    const cluster = new Cluster(seed);
    const one = await cluster.start('one', 1);
    const two = await cluster.start('two', 2);
    const witnesses = [new Witness(one, 'one'), new Witness(two, 'two')] as const;
    const sends = [sender(one, two), sender(two, one)];
    const dice = (sides: number) => cluster.runtime.random.bytes(4).readUInt32BE() % sides;
    const connect = (from: Member, to: Member) => from.node.connect(target(to)).catch(() => {});
    connect(one, two);
    connect(two, one);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let i = dice(40); i > 0; i -= 1) {
        for (const send of sends) send();
        if (dice(3) === 0) await cluster.run(dice(5));
      }
      const carriers = [...cluster.network.carriers];
      const victim = carriers[dice(Math.max(1, carriers.length))];
      const [from, to] = dice(2) === 0 ? [one, two] : [two, one];
      switch (dice(6)) {
        case 0:
          victim?.end('lost', null);
          break;
        case 1:
          victim?.abort();
          victim?.end('lost', null);
          break;
        case 2:
          victim?.end('restarted', null);
          victim?.other?.end('restarted', null);
          break;
        case 3:
          from.node.disconnect(to.node.name).catch(() => {});
          break;
        case 4:
          connect(from, to);
          break;
        default:
          break;
      }
      await cluster.run(dice(800));
    }
    connect(one, two);
    connect(two, one);
    await cluster.run(30_000);
    for (const { link, links, handled } of witnesses) {
      assert.equal(link, witnesses[0].link, 'both ends have the same link');
      assert.ok(link !== null && links > 3 && handled > 50, `${links} links, ${handled} messages`);
    }
    assert.equal(cluster.network.carriers.size, 2);
    await cluster.until(Promise.all([one.node.close(), two.node.close()]));
    await cluster.run(10);
    assert.equal(cluster.runtime.waiting, 0);
  });
}
